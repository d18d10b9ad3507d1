"""Entry point of `python -m release`."""

from __future__ import annotations

import gc
import sys

# A short program with few cycles: collecting while modules are imported costs a tenth of the start-up.
gc.set_threshold(100_000)

from release.cli import main  # noqa: E402

sys.exit(main())
