"""What produces every published number; `python -m benchmarks` times the functions against the original."""
