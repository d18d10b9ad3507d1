"""Entry point of `python -m release`, and of the program `sky-rs-release`."""

from __future__ import annotations

import gc
import sys

# A short program with few cycles: collecting while modules are imported costs a tenth of the start-up,
# and looking through all of them once more at the end as much again.
gc.set_threshold(100_000)

from release.cli import main  # noqa: E402


def run() -> None:
    """Run the command line and exit with its code."""
    code = main()
    gc.freeze()
    sys.exit(code)


if __name__ == "__main__":
    run()
