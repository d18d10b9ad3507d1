"""Plan, cut and stage releases of any git repository: `python -m release`."""
