"""A repository as the writing commands see it: git's plumbing, one finished process a call.

`Repository` (in `release.git`) starts the processes; this adds what writing needs: an environment that stays,
exit codes that are answers, and the words git said.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from release.errors import GitFailed
from release.git import Repository


@dataclass(frozen=True)
class Ran:
    """A finished git process."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        """Standard output without the last newline."""
        return os.fsdecode(self.out).removesuffix("\n")

    def lines(self) -> list[str]:
        """Standard output split at NUL when there is one, else at newlines, without empty pieces."""
        return [piece for piece in self.text.split("\0" if b"\0" in self.out else "\n") if piece]


@dataclass(frozen=True)
class Plumbing:
    """A repository and an environment to run git in."""

    repository: Repository
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def directory(self) -> Path:
        """The top of the work tree, or the bare repository: where git runs."""
        return self.repository.root

    def run(self, *args: str, stdin: bytes | None = None, check: bool = True, config: tuple[str, ...] = ()) -> Ran:
        """Run `git ARGS` to its end.

        Raises:
            GitFailed: when git's exit code is not 0 and `check` is true.
        """
        running = self.repository.start(*args, env=self.environment, stdin=stdin is not None, config=config)
        out, err = running.process.communicate(stdin)
        ran = Ran(running.process.returncode, out or b"", (err or b"").decode("utf-8", "replace"))
        if check and ran.code != 0:
            raise GitFailed(args[0], ran.code, ran.err or ran.text)
        return ran

    def text(self, *args: str, stdin: bytes | None = None, config: tuple[str, ...] = ()) -> str:
        """Run `git ARGS` and return its output without the last newline."""
        return self.run(*args, stdin=stdin, config=config).text

    def ok(self, *args: str) -> bool:
        """Whether `git ARGS` exits with 0."""
        return self.run(*args, check=False).code == 0

    def within(self, environment: Mapping[str, str]) -> Plumbing:
        """Return the same repository with more environment."""
        return Plumbing(self.repository, {**self.environment, **environment})

    def path(self, name: str) -> Path:
        """Where git keeps `name` (`index`, `hooks`, `objects`, ...), as an absolute path."""
        return Path(os.path.normpath(self.directory / self.text("rev-parse", "--git-path", name)))

    def ref(self, name: str) -> str:
        """Return the object id a full ref name points at, or an empty string."""
        ran = self.run("rev-parse", "--verify", "--quiet", "--end-of-options", name, check=False)
        return ran.text if ran.code == 0 else ""

    def flag(self, key: str) -> bool:
        """Return a boolean configuration value; unset is false."""
        return self.run("config", "--type=bool", "--get", key, check=False).text == "true"


def talking(repo: Plumbing) -> Plumbing:
    """Return the repository for commands that may have to ask for a password: they may, on a terminal."""
    return repo.within({"GIT_TERMINAL_PROMPT": "1" if sys.stdin.isatty() else "0"})
