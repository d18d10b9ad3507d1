"""The rollout's past, read from git: every commit that touched the flag file, with the trailers it carries."""

from __future__ import annotations

from dataclasses import dataclass

from release.git import Repository
from release.rollout.flag_file import percent_text
from release.rollout.gate import Segment
from release.rollout.record import Trailers, current_segment

_FORMAT = "%H%x1f%ct%x1f%an%x1f%s%x1f%(trailers:only=true,unfold=true)%x00"
_MOST = 1000


@dataclass(frozen=True)
class Step:
    """One commit. `when` is its committer time in epoch seconds; a commit made by hand has no action."""

    commit: str
    when: int
    author: str
    subject: str
    trailers: Trailers

    def get(self, name: str) -> str:
        """Return a trailer's first value, or an empty string."""
        return self.trailers.get(name, ("",))[0]

    @property
    def action(self) -> str:
        """What the step did: `stage`, `promote`, `hold`, `rollback`, `kill`, or nothing for a commit by hand."""
        return self.get("Rollout-Action")


def read(repo: Repository, branch: str, path: str) -> list[Step]:
    """Return the steps that led to the branch, newest first, at most a thousand."""
    arguments = ("log", f"--max-count={_MOST}", f"--format={_FORMAT}", "--end-of-options", branch, "--", path)
    return [
        _step(text)
        for text in repo.run(*arguments).decode("utf-8", "replace").split("\0")
        if text.strip()
    ]  # fmt: skip


def of_commit(repo: Repository, name: str) -> Step:
    """Return one commit as a step. Raises GitFailed when there is none of that name."""
    text = repo.run("log", "-1", f"--format={_FORMAT}", "--end-of-options", name, "--").decode("utf-8", "replace")
    return _step(text.split("\0")[0])


def stage_began(steps: list[Step], rollout_id: str, threshold: int) -> int | None:
    """Return when the current percentage began, in epoch seconds, or None when git does not know."""
    began = None
    for step in steps:
        if step.get("Rollout-Id") != rollout_id or step.get("Rollout-To") != percent_text(threshold):
            break
        began = step.when
        if step.get("Rollout-From") != percent_text(threshold):
            break
    return began


def past_segments(steps: list[Step], rollout_id: str) -> tuple[Segment, ...]:
    """Return the counts of the earlier stages of this rollout, oldest first."""
    found = []
    for step in steps:
        if step.get("Rollout-Id") == rollout_id and step.action in ("promote", "stage"):
            segment = current_segment(step.trailers)
            if segment is not None:
                found.append(segment)
    return tuple(reversed(found))


def _step(text: str) -> Step:
    commit, when, author, subject, trailers = text.lstrip("\n").split("\x1f", 4)
    found: dict[str, tuple[str, ...]] = {}
    for line in trailers.splitlines():
        name, colon, value = line.partition(": ")
        if colon:
            found[name] = (*found.get(name, ()), value.strip())
    return Step(commit, int(when), author, subject, found)
