"""Programs around the package: each folder is one program, run as `python -m tools.NAME`."""
