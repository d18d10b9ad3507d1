"""The errors a command ends with, each carrying its exit code and what to tell the user."""

from __future__ import annotations

from collections.abc import Iterable

from release.problems import Problem

DONE, REFUSED, USAGE, INTERRUPTED, GATE_HOLD, GATE_ROLL_BACK = range(6)


class ReleaseError(Exception):
    """Anything a command reports without a traceback."""

    exit_code = REFUSED

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(problem.message for problem in self.problems))

    @classmethod
    def because(cls, code: str, message: str, fix: str = "") -> ReleaseError:
        """Build the error from a single problem."""
        return cls([Problem(code, message, fix)])


class Refused(ReleaseError):
    """The command will not do it, and changed nothing."""


class Usage(ReleaseError):
    """The command line or a settings file asks for something that does not exist."""

    exit_code = USAGE


class Interrupted(ReleaseError):
    """Stopped halfway, or the remote did not answer: `status` says where."""

    exit_code = INTERRUPTED


class GitFailed(Refused):
    """A git command failed; `status` is its exit code and `stderr` its own words."""

    def __init__(self, command: str, status: int | None, stderr: str) -> None:
        self.status = status
        self.stderr = stderr
        words = stderr.strip() or f"exit code {status}"
        super().__init__([Problem("git-failed", f"git {command}: {words}")])
