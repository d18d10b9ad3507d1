"""The commands of `python -m release`, one module each, imported when asked for."""
