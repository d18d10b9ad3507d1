"""What stops a release, as data: a code for programs, a message and a next step for people."""

from __future__ import annotations

from typing import NamedTuple


class Problem(NamedTuple):
    """One reason against a release.

    Attributes:
        code: a stable name in kebab case, for programs.
        message: one sentence that names the thing (file and line where there is one).
        fix: what to do next, as a command where a command does it.
    """

    code: str
    message: str
    fix: str = ""

    def as_json(self) -> dict[str, str]:
        """Return the object printed under `problems` by `--format json`."""
        return self._asdict()
