"""What the steps of a rehearsal share: one temporary folder, an environment that stays inside it, a clock."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from release.errors import Refused
from release.problems import Problem

Result = TypeVar("Result")
STEP_SECONDS = 1800.0
TAIL = 4000


@dataclass
class Stage:
    """A temporary folder, and the record of what was done in it."""

    folder: Path
    tell: Callable[[str], None]
    steps: list[dict[str, Any]] = field(default_factory=list)

    def step(self, title: str, action: Callable[[], tuple[Result, str]]) -> Result:
        """Run one step, which returns its result and a sentence about it, and tell it with its time."""
        begin = time.monotonic()
        result, words = action()
        seconds = time.monotonic() - begin
        self.steps.append({"step": title, "seconds": round(seconds, 2), "result": words})
        self.tell(f"{seconds:7.2f} s  {title}: {words}")
        return result

    def left_out(self, title: str, reason: str) -> None:
        """Tell that a step does not apply here, and why."""
        self.steps.append({"step": title, "seconds": None, "result": f"not run: {reason}"})
        self.tell(f"  not run  {title}: {reason}")

    def environment(self) -> Mapping[str, str]:
        """Return an environment in which caches, settings and temporary files stay in our folder.

        The user's cargo settings are linked in, since they may name the registry to use.
        """
        cargo = self.folder / "cargo"
        if not cargo.exists():
            cargo.mkdir()
            home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
            for name in ("config.toml", "config", "credentials.toml"):
                if (home / name).is_file():
                    (cargo / name).symlink_to(home / name)
        temporary = self.folder / "tmp"
        temporary.mkdir(exist_ok=True)
        changed = {
            "CARGO_HOME": cargo,
            "CARGO_TARGET_DIR": self.folder / "target",
            "PIP_CACHE_DIR": self.folder / "pip",
            "TMPDIR": temporary,
            "UV_CACHE_DIR": self.folder / "uv",
            "VIRTUALENV_OVERRIDE_APP_DATA": self.folder / "virtualenv",
            "XDG_CACHE_HOME": self.folder / "cache",
            "XDG_DATA_HOME": self.folder / "data",
        }
        dropped = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_REQUIRE_VIRTUALENV")
        kept = {name: value for name, value in os.environ.items() if name not in dropped}
        return {**kept, **{name: str(value) for name, value in changed.items()}, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}

    def run(self, command: Sequence[str | Path], *, cwd: Path | None = None, check: bool = True) -> str:
        """Run a program inside the stage and return what it printed.

        Raises:
            Refused: when it fails and `check` is true; the end of its output is in the message.
        """
        words = [str(word) for word in command]
        try:
            ran = subprocess.run(
                words,
                cwd=cwd or self.folder,
                env=dict(self.environment()),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=STEP_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Refused([Problem("step-timeout", f"{' '.join(words)} took over {STEP_SECONDS:g} s", "")]) from None
        said = ran.stdout.decode("utf-8", "replace")
        if check and ran.returncode != 0:
            shown = " ".join(words).replace(sys.executable, "python")
            message = f"{shown} failed (exit {ran.returncode}):\n{said[-TAIL:]}"
            raise Refused([Problem("step-failed", message, "correct it, then rehearse again")])
        return said
