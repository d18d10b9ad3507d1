"""Entry point of `python -m release`."""

from __future__ import annotations

import sys

from release.cli import main

sys.exit(main())
