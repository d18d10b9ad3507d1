"""Which step may follow which: the flag file before and after, and every reason against it. No git, no clock."""

from __future__ import annotations

import dataclasses
import re

from release.problems import Problem
from release.rollout.flag_file import FlagFile, percent_text
from release.rollout.policy import Policy

NOT_BEGUN = "none"


def first_file(policy: Policy) -> FlagFile:
    """Return the flag file before any rollout: everybody is in, and stage 0 says that nothing was staged."""
    return FlagFile(NOT_BEGUN, policy.package, policy.flag, 10_000, 0, "none")


def begun(file: FlagFile) -> bool:
    """Whether a stage is under way: not before the first, not rolled back, not killed."""
    return file.stage > 0 and file.enabled


def to_stage(file: FlagFile, policy: Policy, threshold: int, release: str, taken: set[str]) -> FlagFile:
    """Return the file at this stage. `release` is the version being rolled out, `taken` the rollout ids used before.

    A rollout that begins, or begins again after a rollback, gets an id of its own, so that the evidence of another
    attempt is never counted. The id is not hashed: the cohort stays the same.
    """
    rollout_id = file.rollout_id
    wanted = f"{policy.package}-{release}"
    if not begun(file) or attempt_of(rollout_id) != wanted:
        names = [wanted, *(f"{wanted}+try{number}" for number in range(2, len(taken) + 3))]
        rollout_id = next(name for name in names if name not in taken)
    return dataclasses.replace(
        file,
        rollout_id=rollout_id,
        package=policy.package,
        flag=policy.flag,
        threshold=threshold,
        stage=policy.stage_of(threshold) or max(file.stage, 1),
        gate="promote",
        enabled=True,
    )


def attempt_of(rollout_id: str) -> str:
    """Return a rollout id without the number of the attempt."""
    return re.sub(r"\+try[0-9]+$", "", rollout_id)


def version_of(rollout_id: str, package: str) -> str:
    """Return the version in a rollout id, for tags."""
    return rollout_id.removeprefix(f"{package}-")


def against_stage(file: FlagFile, policy: Policy, threshold: int, release: str) -> list[Problem]:
    """Return why the rollout may not go to this stage without an override. `release` as for `to_stage`."""
    percent = percent_text(threshold)
    stages = ", ".join(percent_text(stage) for stage in policy.stages)
    continues = begun(file) and attempt_of(file.rollout_id) == f"{policy.package}-{release}"
    current = file.threshold if continues else 0
    found = []
    if threshold not in policy.stages:
        found.append(_needs_reason("not-a-stage", f"{percent} % is not a stage; the stages are {stages}"))
    expected = policy.next_stage(current)
    if threshold > current and threshold in policy.stages and threshold != expected and expected is not None:
        message = f"{percent} % skips a stage: after {percent_text(current)} % comes {percent_text(expected)} %"
        found.append(_needs_reason("skips-a-stage", message))
    if continues and file.gate == "hold":
        fix = '`rollout hold --off` ends it, or --override "reason"'
        found.append(Problem("held", f"the rollout is held at {percent_text(current)} %", fix))
    if begun(file) and not continues and file.threshold < policy.stages[-1]:
        message = f"{file.rollout_id} is still at {percent_text(file.threshold)} %, and {release} would replace it"
        found.append(_needs_reason("another-rollout", message))
    return found


def impossible_stage(file: FlagFile, policy: Policy, threshold: int, release: str) -> list[Problem]:
    """Return why no override helps: the stage is not ahead."""
    if begun(file) and attempt_of(file.rollout_id) == f"{policy.package}-{release}":
        percent = percent_text(threshold)
        if threshold == file.threshold:
            return [Problem("already-there", f"{file.rollout_id} is at {percent} % already", "nothing to do")]
        if threshold < file.threshold:
            fix = f"python -m release rollout rollback --to {percent}"
            return [Problem("backwards", f"{percent} % is below {percent_text(file.threshold)} %", fix)]
    if threshold == 0:
        return [Problem("backwards", "0 % is no stage to go to", "python -m release rollout rollback")]
    return []


def _needs_reason(code: str, message: str) -> Problem:
    return Problem(code, message, 'give --override "reason" if it must be; the commit records it')
