"""A short tour of the speed-up in the terminal, measured while you watch."""
