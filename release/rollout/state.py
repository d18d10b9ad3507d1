"""Where a repository's rollout stands: settings, flag file and history, all read from the branch, not the work tree.

So a rollback works whatever the work tree looks like.
"""

from __future__ import annotations

import dataclasses
import functools
import os
from dataclasses import dataclass
from typing import Any

from packaging.version import InvalidVersion, Version

from release import settings as release_settings
from release import toml
from release.errors import GitFailed, Refused
from release.git import Repository
from release.problems import Problem
from release.rollout import flag_file, history, moves
from release.rollout.bucket import BUCKETS
from release.rollout.evidence import from_files
from release.rollout.flag_file import FlagFile, FlagFileError
from release.rollout.gate import EvidenceError, Segment, Situation
from release.rollout.policy import Policy, policy_from
from release.rollout.prometheus import PrometheusError, Server

_SKEW = 5  # seconds that a stage may seem to begin in the future


@dataclass(frozen=True)
class Sources:
    """Where evidence comes from: a server's address, or files; `timeout` in seconds."""

    prometheus: str | None = None
    files: tuple[str, ...] = ()
    timeout: float = 10.0

    def __bool__(self) -> bool:
        """Whether there is a source at all."""
        return bool(self.prometheus or self.files)


@dataclass(frozen=True)
class State:
    """One look at the rollout. `content` is the flag file's blob, None where the branch has none."""

    repo: Repository
    branch: str
    tip: str
    tip_time: int
    remote: str | None
    policy: Policy
    file: FlagFile
    content: bytes | None

    @functools.cached_property
    def steps(self) -> list[history.Step]:
        """Every commit that touched the flag file, newest first."""
        return history.read(self.repo, self.branch, self.policy.file)

    @functools.cached_property
    def began(self) -> int | None:
        """When the current percentage began, in epoch seconds."""
        return history.stage_began(self.steps, self.file.rollout_id, self.file.threshold)

    @property
    def past(self) -> tuple[Segment, ...]:
        """The counts of the earlier stages."""
        return history.past_segments(self.steps, self.file.rollout_id)

    @functools.cached_property
    def ids(self) -> set[str]:
        """Every rollout id used so far."""
        return {step.get("Rollout-Id") for step in self.steps} | {self.file.rollout_id}

    def situation(self, segment: Segment, now: int) -> Situation:
        """Return the gate's arguments at the moment `now`."""
        elapsed = now - self.began if self.began is not None else 0
        return Situation(
            current=segment,
            past=self.past,
            # A release is dated a second after its last commit, and machines' clocks differ a little.
            elapsed=0 if -_SKEW <= elapsed < 0 else elapsed,
            last_stage=self.file.threshold >= BUCKETS,
            killed=not self.file.enabled,
            held=self.file.gate == "hold",
        )

    def measure(self, sources: Sources, now: int) -> Segment:
        """Read the evidence of the current stage. Raises Refused when it cannot be read, or there is no stage."""
        if not moves.begun(self.file) or self.began is None:
            raise Refused.because(
                "no-stage",
                "no stage is under way, so there is nothing to measure",
                "python -m release rollout stage PERCENT begins one",
            )
        try:
            if sources.files:
                return from_files(map(_path, sources.files), self.file.rollout_id, self.file.threshold)
            server = Server(sources.prometheus or "", sources.timeout)
            return server.evidence(self.file.rollout_id, self.file.threshold, self.began, now)
        except (PrometheusError, EvidenceError) as error:
            raise Refused.because(
                "evidence", f"the evidence cannot be used: {error}", "nothing was decided; the stage stays as it is"
            ) from None

    def release(self, given: str | None) -> str:
        """Return the version a stage is for: the one given, the one under way, else the newest release tag."""
        text = given
        if text is None and moves.begun(self.file) and self.file.threshold < self.policy.stages[-1]:
            name = moves.attempt_of(self.file.rollout_id)
            text = moves.version_of(name, self.policy.package)
        if text is None:
            text = newest_release(self.repo, self.branch)
        if text is None:
            raise Refused.because(
                "no-release", f"{self.branch} has no release tag, so there is nothing to roll out", "--release VERSION"
            )
        try:
            return str(Version(text))
        except InvalidVersion:
            raise Refused.because("bad-version", f"{text!r} is not a version", "give one such as 1.2.0") from None


def look(path: str, branch: str | None = None, *, urgent: bool = False) -> State:
    """Read everything. Raises Refused with what stands in the way.

    With `urgent` a flag file that cannot be read counts as one that lets everybody in, to be replaced by a rollback.
    """
    repo = Repository(path)
    remote, branch = _remote_and_branch(repo, branch)
    try:
        tip, when = repo.line("log", "-1", "--format=%H %ct", "--end-of-options", f"refs/heads/{branch}", "--").split()
    except (GitFailed, ValueError):
        raise Refused.because("no-branch", f"there is no commit on a branch {branch!r}", "--branch NAME") from None
    objects = repo.objects()
    policy = _policy(objects, tip, repo)
    blob = objects.get(f"{tip}:{policy.file}")
    if blob is None:
        return State(repo, branch, tip, int(when), remote, policy, moves.first_file(policy), None)
    try:
        file = flag_file.parse(blob.data)
    except FlagFileError as error:
        if urgent:
            return State(repo, branch, tip, int(when), remote, policy, moves.first_file(policy), blob.data)
        raise Refused.because(
            "bad-flag-file",
            f"{policy.file} on {branch} {error}",
            f"`rollout rollback` replaces it by one at 0 %; git log -- {policy.file} shows how it came there",
        ) from None
    if file.flag != policy.flag:
        raise Refused.because(
            "another-flag",
            f"{policy.file} holds the flag {file.flag!r}, the settings say {policy.flag!r}",
            "make [tool.release.rollout] and the file agree",
        )
    return State(repo, branch, tip, int(when), remote, policy, file, blob.data)


def against_work_tree(state: State) -> list[Problem]:
    """Return the one thing that stops even a rollback: an edited flag file in the work tree of this branch."""
    head = state.repo.line("symbolic-ref", "--quiet", "HEAD", ok=(0, 1))
    if state.repo.bare or head != f"refs/heads/{state.branch}":
        return []
    changed = state.repo.run("status", "--porcelain", "-z", "--untracked-files=all", "--", state.policy.file)
    if not changed:
        return []
    fix = f"git diff -- {state.policy.file} shows it; git restore --staged --worktree -- {state.policy.file} drops it"
    return [Problem("dirty-flag-file", f"{state.policy.file} has changes that are not committed", fix)]


def unpushed(state: State) -> int:
    """Return how many commits of the branch the remote is not known to have."""
    if state.remote is None:
        return 0
    tracking = f"refs/remotes/{state.remote}/{state.branch}"
    if not state.repo.line("for-each-ref", "--format=%(refname)", tracking):
        return 0
    return int(state.repo.line("rev-list", "--count", state.tip, f"^{tracking}", "--"))


def newest_release(repo: Repository, branch: str) -> str | None:
    """Return the highest version among the tags of the branch's history, as it is written in the tag."""
    names = repo.run("for-each-ref", f"--merged=refs/heads/{branch}", "--format=%(refname:strip=2)", "refs/tags")
    found: list[tuple[Version, str]] = []
    for name in names.decode("utf-8", "replace").split("\n"):
        text = name.rpartition("/")[2].rpartition("@")[2]
        text = text[text.rfind("-v") + 2 :] if "-v" in text else text.removeprefix("v")
        if not name.startswith("rollout/"):
            try:
                found.append((Version(text), text))
            except InvalidVersion:
                continue
    return max(found)[1] if found else None


def _remote_and_branch(repo: Repository, branch: str | None) -> tuple[str | None, str]:
    remotes = repo.line("remote").split()
    remote = "origin" if "origin" in remotes else (remotes[0] if remotes else None)
    head = repo.line("symbolic-ref", "--quiet", "HEAD", ok=(0, 1)).removeprefix("refs/heads/")
    if branch is None and remote:
        default = repo.line("symbolic-ref", "--quiet", f"refs/remotes/{remote}/HEAD", ok=(0, 1))
        branch = default.removeprefix(f"refs/remotes/{remote}/") or None
    branch = branch or head
    if not branch or branch.startswith("-"):
        raise Refused.because("no-branch", "no branch is checked out", "--branch NAME")
    own = repo.line("config", "--get", f"branch.{branch}.remote", ok=(0, 1))
    return (own if own in remotes else remote), branch


def _policy(objects: Any, tip: str, repo: Repository) -> Policy:
    table: dict[str, Any] = {}
    name = os.path.basename(repo.root)  # noqa: PTH119
    for path in ("pyproject.toml", "release.toml"):
        blob = objects.get(f"{tip}:{path}")
        if blob is None:
            continue
        text = blob.data.decode("utf-8", "replace")
        read = release_settings.read(text, path).rollout
        given = {release_settings.spelled(field.name): getattr(read, field.name) for field in dataclasses.fields(read)}
        table |= {key: value for key, value in given.items() if value not in ("", (), 0)}
        name = toml.load(text, path).get("project", {}).get("name", name)
    try:
        return policy_from(table, name)
    except ValueError as error:
        raise Refused.because("bad-setting", f"[tool.release.rollout]: {error}", "see docs/rollout.md") from None


def _path(text: str) -> Any:
    from pathlib import Path

    return Path(text)
