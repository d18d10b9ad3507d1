"""One trial: a release with a fault at a random point, the invariants, the recovery, the invariants again."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from release import cli, errors
from release.change import Options
from release.commands.cut import perform
from release.git import Repository
from release.plan import ReleasePlan
from tools.faults import inject, world
from tools.faults.world import World, git

FAULTS = (
    "kill before a point", "kill during a point", "kill our process only", "full disk",
    "rejected push", "dying remote", "line cut", "silent remote", "failing hook", "failing signer",
    "rival commit", "rival release",
)  # fmt: skip
SECONDS = 120.0
CRASHED, HUNG = 70, 71
"""Exit codes of a child that ended with a traceback, or did not end: always a violation."""


@dataclass
class Result:
    """What one trial came to; `violations` is empty when every invariant held."""

    number: int
    fault: str
    point: str
    after: str
    ending: str
    violations: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Setting:
    """What all trials share."""

    template: World
    plan: ReleasePlan
    points: int
    seed: str
    mounts: bool


def in_child(work: Callable[[], int], at: int = 0, action: inject.Action | None = None, log: Path | None = None) -> int:
    """Run `work` in a forked process of its own group; return its exit code, negative for a signal."""
    child = os.fork()
    if child == 0:
        _be_child(work, at, action, log)
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.killpg(child, 9)
    os.waitpid(child, 0)
    return HUNG


def _be_child(work: Callable[[], int], at: int, action: inject.Action | None, log: Path | None) -> NoReturn:
    """Do `work` in this forked process, with its words in `log` and the names of its points beside it, and exit."""
    code = CRASHED
    try:
        os.setsid()
        out = os.open(log or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(out, 1)
        os.dup2(out, 2)
        points = inject.Points(at, action)
        try:
            code = work()
        except errors.ReleaseError as error:
            print(error, file=sys.stderr)
            code = error.exit_code
        except OSError as error:
            print(error, file=sys.stderr)
            code = errors.REFUSED
        if log is not None:
            points.busy = True
            with contextlib.suppress(OSError):
                log.with_suffix(".points").write_text("\n".join(points.names))
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        with contextlib.suppress(BaseException):
            sys.stderr.flush()
        os._exit(code)


def release(place: World, plan: ReleasePlan) -> Callable[[], int]:
    """Return the work of `cut --execute` after planning."""

    def work() -> int:
        done = perform(Repository(place.clone), plan, Options(), execute=True)
        return 0 if done["pushed"] else CRASHED

    return work


def command(place: World, name: str) -> Callable[[], int]:
    """Return the work of a command line."""
    return lambda: cli.main(["--repo", str(place.clone), name])


def run(setting: Setting, number: int) -> Result:
    """Run trial `number`: the same seed and number make the same choices."""
    rng = random.Random(f"{setting.seed}:{number}")  # noqa: S311 - reproducible choices are the purpose
    fault = FAULTS[number % len(FAULTS)]
    outside = Path(tempfile.mkdtemp(prefix="faults-"))
    folder = outside / "disk"
    folder.mkdir()
    small = fault == "full disk" and setting.mounts
    if small:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)], check=True)
    try:
        (folder / "tmp").mkdir()
        os.environ["TMPDIR"] = tempfile.tempdir = str(folder / "tmp")
        trial = _Trial(setting, number, rng, fault, folder, small)
        return trial.run()
    finally:
        tempfile.tempdir = None
        os.environ.pop("TMPDIR", None)
        if small:
            subprocess.run(["umount", "--lazy", str(folder)], check=False)
        shutil.rmtree(outside, ignore_errors=True)


class _Trial:
    def __init__(
        self, setting: Setting, number: int, rng: random.Random, fault: str, folder: Path, small: bool
    ) -> None:
        self.setting, self.rng, self.fault, self.folder, self.small = setting, rng, fault, folder, small
        self.at = rng.randint(1, setting.points)
        before = f"head -c {rng.randint(0, 1500)} | " if fault == "line cut" else ""
        self.world = world.copy(setting.template, folder, dirty=rng.random() < 0.5, before=before)
        self.own = world.users_own(self.world)
        self.log = folder.with_name("log")  # not on the disk that fills up
        self.result = Result(number, fault, "", "", "")
        self.action = self._prepare()

    def _prepare(self) -> inject.Action | None:
        """Set the fault up; return what happens at the chosen point, or None for a fault of the surroundings."""
        rng, place = self.rng, self.world
        soon = rng.random() * rng.choice((0.002, 0.01, 0.05))
        at_points: dict[str, inject.Action] = {
            "kill before a point": inject.kill_now,
            "kill during a point": inject.kill_soon(soon, children=True),
            "kill our process only": inject.kill_soon(soon, children=False),
            "full disk": inject.fill_disk(self.folder) if self.small else inject.no_more_writes,
            "rival commit": lambda: self._rival(released=False),
            "rival release": lambda: self._rival(released=True),
        }
        if self.fault in at_points:
            self.result.point = "?"
            return at_points[self.fault]
        if self.fault == "rejected push":
            refs = rng.choice(("refs/heads/*", "refs/tags/*", "*"))
            place.hook(place.remote, "update", f'case "$1" in {refs}) echo no >&2; exit 1;; esac')
            self.result.point = f"remote update {refs}"
        elif self.fault == "dying remote":
            name, state = rng.choice(
                (("pre-receive", ""), ("update", ""), ("reference-transaction", "prepared"),
                 ("reference-transaction", "committed"), ("post-receive", ""))
            )  # fmt: skip
            condition = f'[ "$1" = {state} ] && ' if state else ""
            place.hook(place.remote, name, f"{condition}kill -9 $PPID")
            self.result.point = f"remote {name} {state}".strip()
        elif self.fault == "silent remote":
            name = rng.choice(("pre-receive", "post-receive"))
            place.hook(place.remote, name, f"mv '{place.remote}' '{place.remote}.gone'; kill -9 $PPID")
            self.result.point = f"remote {name}"
        elif self.fault == "failing hook":
            name = rng.choice(("pre-commit", "commit-msg", "pre-push", "reference-transaction"))
            count = rng.randint(1, 12) if name == "reference-transaction" else 1
            tally = f"echo >> '{self.folder}/tally'; [ $(wc -l < '{self.folder}/tally') -lt {count} ]"
            place.hook(place.clone, name, tally)
            self.result.point = f"{name} {count}"
        elif self.fault == "failing signer":
            git(place.clone, "config", rng.choice(("commit.gpgSign", "tag.gpgSign")), "true")
            git(place.clone, "config", "gpg.program", "false")
            self.result.point = "signing"
        else:
            self.result.point = "push"
        return None

    def _rival(self, *, released: bool) -> None:
        refs = ["main"]
        if released:
            git(self.world.rival, "commit", "--quiet", "--allow-empty", "-m", f"Release {world.NEW}")
            git(self.world.rival, "tag", "-a", "-m", world.NEW, world.TAG)
            refs.append(world.TAG)
        git(self.world.rival, "push", "--quiet", "--atomic", "origin", *refs, check=False)

    def run(self) -> Result:
        """Break it, look, mend it, look again."""
        code = in_child(release(self.world, self.setting.plan), self.at, self.action, self.log)
        if self.result.point == "?":
            self.result.point = self._point_name()
        self.world.wait_for_server()
        self._heal()
        state = self._look("after the fault")
        self.result.after = f"{state}, exit {code}"
        released = state == "after" and self._ours()
        killed_or_unsure = code < 0 or code == errors.INTERRUPTED
        if code in {CRASHED, HUNG} or (not killed_or_unsure and (code == 0) != released):
            self._violation(f"exit {code} although the remote is {state}")
        self.result.ending = self._recover()
        return self.result

    def _point_name(self) -> str:
        path = self.log.with_suffix(".points")
        names = path.read_text().splitlines() if path.exists() else []
        known = names or _POINT_NAMES
        return known[self.at - 1] if self.at <= len(known) else "after the end"

    def _ours(self) -> bool:
        """Whether the release on the remote is not the rival's."""
        theirs = git(self.world.rival, "rev-parse", "--verify", "--quiet", f"refs/tags/{world.TAG}", check=False)
        there = git(self.world.remote, "rev-parse", "--verify", "--quiet", f"refs/tags/{world.TAG}", check=False)
        return bool(there) and there != theirs

    def _heal(self) -> None:
        """Take the fault away, as an administrator would: free the disk, mend the server, drop the hooks."""
        (self.folder / "ballast").unlink(missing_ok=True)
        gone = self.world.remote.with_name("remote.git.gone")
        if gone.exists():
            gone.rename(self.world.remote)
        if self.fault in {"dying remote", "silent remote"}:
            for lock in self.world.remote.rglob("*.lock"):
                lock.unlink()
        for folder in (self.world.remote / "hooks", self.world.clone / ".git/hooks"):
            shutil.rmtree(folder, ignore_errors=True)
        self.world.point_at_remote()
        for key in ("commit.gpgSign", "tag.gpgSign", "gpg.program"):
            git(self.world.clone, "config", "--unset", key, check=False)

    def _look(self, when: str) -> str | None:
        """Check what must hold at any moment; return where the remote is."""
        there = world.together(self.world.remote)
        if there is None:
            self._violation(f"{when}: tag and branch on the remote do not belong together")
        pending = git(self.world.clone, "for-each-ref", "refs/release/pending")
        if not pending and world.together(self.world.clone) is None:
            self._violation(f"{when}: tag and branch here do not belong together, and nothing is pending")
        now = world.users_own(self.world)
        if now != self.own:
            changed = sorted(set(now.items()) ^ set(self.own.items()))
            self._violation(f"{when}: the user's own has changed: {changed[:4]}")
        for place in (self.world.clone, self.world.remote):
            complaint = world.broken_objects(place)
            if complaint:
                self._violation(f"{when}: fsck in {place.name}: {complaint[:500]}")
        return there

    def _recover(self) -> str:
        """End it by `resume` or `abort`, killed once on the way in every third trial, then release again."""
        choices = ["resume", "abort"]
        self.rng.shuffle(choices)
        said = []
        if self.rng.random() < 0.33:
            at = self.rng.randint(1, 20)
            in_child(command(self.world, choices[0]), at, inject.kill_now, self.log)
            self.world.wait_for_server()
            self._look("after a killed recovery")
            said.append(f"{choices[0]} killed")
        for name in (*choices, choices[0], choices[1]):
            code = in_child(command(self.world, "status"), log=self.log)
            if code == 0:
                break
            if code != errors.INTERRUPTED:
                self._violation(f"status exits with {code}")
            code = in_child(command(self.world, name), log=self.log)
            said.append(f"{name} {code}")
            if code not in {0, errors.REFUSED, errors.INTERRUPTED}:
                self._violation(f"{name} exits with {code}")
        in_child(command(self.world, "abort"), log=self.log)
        self._final(said)
        return ", ".join(said) or "nothing pending"

    def _final(self, said: list[str]) -> None:
        there = self._look("at the end")
        here = world.together(self.world.clone)
        left = world.leftovers(self.world)
        if left:
            self._violation(f"left behind: {left}")
        rival = git(self.world.remote, "log", "--format=%s", "main").find("fix: theirs") >= 0
        if there == "before" and not rival:
            code = in_child(release(self.world, self.setting.plan), log=self.log)
            said.append(f"cut again {code}")
            if code != 0 or self._look("after cutting again") != "after":
                self._violation(f"cutting again exits with {code}")
        elif there == "after" and self._ours() and here != "after":
            git(self.world.clone, "pull", "--quiet", "--ff-only", "--tags", check=False)
            said.append("pulled")
            if world.together(self.world.clone) != "after":
                self._violation("the remote has the release and git pull does not bring it here")

    def _violation(self, words: str) -> None:
        said = self.log.read_text(errors="replace")[-1500:] if self.log.exists() else ""
        self.result.violations.append(f"{words}\n{said}")


_POINT_NAMES: list[str] = []


def count_points(template: World, plan: ReleasePlan) -> int:
    """Run one release without a fault and return its number of points; their names are kept for the report."""
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    try:
        place = world.copy(template, folder, dirty=True)
        log = folder / "log"
        code = in_child(release(place, plan), log=log)
        if code != 0:
            raise RuntimeError(f"a release without a fault fails: {log.read_text()}")
        _POINT_NAMES[:] = log.with_suffix(".points").read_text().splitlines()
        return len(_POINT_NAMES)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
