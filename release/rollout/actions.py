"""Make a step happen: one commit on the branch, one annotated tag, one atomic push."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

from release import transaction
from release.change import Change, Options, Outcome, TagSpec
from release.errors import Refused
from release.problems import Problem
from release.rollout import gate, moves, state
from release.rollout.flag_file import FlagFile, percent_text
from release.rollout.record import Measured, Record, one_line
from release.rollout.state import State

_WORDS = {"stage": "Roll out", "promote": "Roll out", "hold": "Hold", "rollback": "Roll back", "kill": "Switch off"}


@dataclass(frozen=True)
class Step:
    """A step that may be taken: the new flag file and what the commit will say. `suffix` marks the tag."""

    file: FlagFile
    record: Record
    suffix: str = ""


def stage(now: State, threshold: int, release: str, override: str = "", measured: Measured | None = None) -> Step:
    """Go to a stage. Raises Refused with everything against it that `override` does not answer for."""
    hard = moves.impossible_stage(now.file, now.policy, threshold, release)
    soft = moves.against_stage(now.file, now.policy, threshold, release)
    continues = moves.begun(now.file) and threshold > now.file.threshold
    if continues and not hard:
        soft += _against_evidence(now, measured)
    _refuse([*hard, *([] if override else soft), *_not_pushed(now)])
    file = moves.to_stage(now.file, now.policy, threshold, release, now.ids)
    if override:
        file = dataclasses.replace(file, gate="override")
    came_from = now.file.threshold if moves.begun(now.file) and file.rollout_id == now.file.rollout_id else 0
    action = "promote" if continues else "stage"
    return Step(file, Record(action, file.rollout_id, came_from, threshold, "", override, measured))


def promote(now: State, release: str, override: str = "", measured: Measured | None = None) -> Step:
    """Go to the next stage. Raises Refused as `stage` does."""
    continues = moves.begun(now.file) and moves.attempt_of(now.file.rollout_id) == f"{now.policy.package}-{release}"
    threshold = now.policy.next_stage(now.file.threshold if continues else 0)
    if threshold is None:
        raise Refused.because("complete", f"{now.file.rollout_id} is at 100 %, the last stage", "nothing to do")
    return stage(now, threshold, release, override, measured)


def hold(now: State, reason: str, *, off: bool = False) -> Step:
    """Stop promotions, or with `off` allow them again."""
    if not moves.begun(now.file):
        raise Refused.because("no-stage", "no stage is under way, so there is nothing to hold", "nothing to do")
    if off != (now.file.gate == "hold"):
        state_word = "held already" if not off else "not held"
        raise Refused.because("already-there", f"{now.file.rollout_id} is {state_word}", "nothing to do")
    file = dataclasses.replace(now.file, gate="promote" if off else "hold")
    here = now.file.threshold
    return Step(file, Record("hold", file.rollout_id, here, here, reason), "-hold-off" if off else "-hold")


def rollback(now: State, reason: str, to: int = 0, measured: Measured | None = None) -> Step:
    """Go back to a lower percentage. Needs nothing; refused only when there is nothing to take back."""
    if to > now.file.threshold or (to == now.file.threshold and now.file.enabled):
        message = f"{now.file.rollout_id} is at {now.file.percent} %, and {percent_text(to)} % is not lower"
        raise Refused.because("not-lower", message, "nothing to do")
    number = now.policy.stage_of(to) or (0 if to == 0 else 1)
    file = dataclasses.replace(now.file, threshold=to, stage=number, gate="rollback")
    return Step(file, Record("rollback", file.rollout_id, now.file.threshold, to, reason, "", measured))


def kill(now: State, reason: str) -> Step:
    """Switch the flag off: every reader gets its own default, whatever the percentage."""
    if not now.file.enabled:
        raise Refused.because("already-there", f"{now.policy.flag} is switched off already", "nothing to do")
    file = dataclasses.replace(now.file, enabled=False, gate="kill")
    here = now.file.threshold
    return Step(file, Record("kill", file.rollout_id, here, here, reason), "-kill")


def change(now: State, step: Step, when: int) -> Change:
    """Return the transaction of a step. `when` is the time, in epoch seconds, that commit and tag carry."""
    file = step.file
    version = moves.version_of(file.rollout_id, now.policy.package)
    percent = file.percent
    what = f"{now.policy.package} {version}"
    subject = f"{_WORDS[step.record.action]} {what} {'at' if step.suffix else 'to'} {percent} %"
    if step.suffix == "-hold-off":
        subject = f"End the hold of {what} at {percent} %"
    elif step.record.action == "kill":
        subject = f"Switch off {now.policy.flag}"
    words = step.record.measured.verdict.reason if step.record.measured else ""
    body = one_line(step.record.override or step.record.reason or words or "The first stage of the rollout.")
    trailers = "\n".join(f"{name}: {value}" for name, value in step.record.trailers())
    message = f"{subject}\n\n{body}\n\n{trailers}\n"
    tag = _free_tag(now, f"rollout/{now.policy.package}/{version.replace('+', '.')}/{percent}{step.suffix}")
    return Change(
        kind="rollout",
        label=f"rollout-{percent}{step.suffix}",
        branch=now.branch,
        base=now.tip,
        files={now.policy.file: file.render()},
        message=message,
        tags=(TagSpec(tag, message),),
        when=max(when, now.tip_time),
    )


def preview(now: State, step: Step, when: int) -> Change:
    """Return the change, which has no id yet: its time, the second it is made, is what measurements start from.

    Raises:
        Refused: it could not be made.
    """
    _refuse(state.against_work_tree(now))
    made = change(now, step, when)
    transaction.preview(now.repo, made, Options(remote=now.remote))
    return made


def carry_out(now: State, step: Step, when: int, *, push: bool = True) -> tuple[Change, Outcome]:
    """Commit, tag and push. Raises Refused with nothing changed, Interrupted when `status` must say how far it came."""
    _refuse(state.against_work_tree(now))
    made = change(now, step, when)
    urgent = step.record.action in ("rollback", "kill")
    options = Options(remote=now.remote, push=push and now.remote is not None, hooks=not urgent, urgent=urgent)
    return made, transaction.execute(now.repo, transaction.prepare(now.repo, made, options), options)


def _against_evidence(now: State, measured: Measured | None) -> list[Problem]:
    """What the gate says against a promotion; no measurements are an objection too."""
    if measured is None:
        message = f"there is no evidence that {now.file.percent} % is healthy"
        fix = 'give --prometheus URL or --evidence FILE, or --override "reason"; the commit records it'
        return [Problem("no-evidence", message, fix)]
    if measured.verdict.verdict == gate.PROMOTE:
        return []
    message = f"the gate says {measured.verdict.verdict}: {measured.verdict.reason}"
    return [Problem(f"gate-{measured.verdict.verdict}", message, 'wait for evidence, or give --override "reason"')]


def _not_pushed(now: State) -> list[Problem]:
    count = state.unpushed(now)
    if not count:
        return []
    message = f"{count} commits of {now.branch} are not on {now.remote}, and a stage would push them along"
    return [Problem("unpushed", message, f"git push {now.remote} {now.branch}")]


def _free_tag(now: State, name: str) -> str:
    taken = set(now.repo.line("for-each-ref", "--format=%(refname:strip=2)", "refs/tags/rollout/").split("\n"))
    if name not in taken:
        return name
    return next(f"{name}.{number}" for number in range(2, len(taken) + 3) if f"{name}.{number}" not in taken)


def _refuse(problems: Iterable[Problem]) -> None:
    found = list(problems)
    if found:
        raise Refused(found)
