"""Time both sides of every workload in alternating rounds."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from benchmarks.sides import Side, Worker, WorkerError, disguise


class Work(Protocol):
    """What this module needs to know about a workload."""

    function: str
    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    env: dict[str, str]
    disguise: str


@dataclass(frozen=True)
class Effort:
    """How long to measure: rounds, and seconds a round aims at on each side."""

    rounds: int
    seconds: float
    slow_rounds: int = 3


QUICK = Effort(rounds=7, seconds=0.008, slow_rounds=1)
FULL = Effort(rounds=25, seconds=0.04, slow_rounds=7)
SLOW = 0.3  # a call of this many seconds gets `slow_rounds`


@dataclass(frozen=True)
class Pairing:
    """The seconds per call of two sides, round by round."""

    work: Work
    first: tuple[float, ...]
    second: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """How many times as fast the second side is: minimum against minimum."""
        return min(self.first) / min(self.second)

    @property
    def spread(self) -> tuple[float, float]:
        """The middle half of the ratios of single rounds."""
        ratios = [one / other for one, other in zip(self.first, self.second, strict=True)]
        if len(ratios) == 1:
            return ratios[0], ratios[0]
        low, _, high = statistics.quantiles(ratios, n=4, method="inclusive")
        return low, high


class Bench:
    """Two sides, and a pair of workers for each disguise, started when first needed."""

    def __init__(self, first: Side, second: Side, folder: Path) -> None:
        """`folder` is where disguises keep their files."""
        self._sides = (first, second)
        self._folder = folder
        self._pairs: dict[str, tuple[Worker, Worker]] = {}

    def workers(self, name: str = "") -> tuple[Worker, Worker]:
        """Return the workers of a disguise; WorkerError where this machine cannot make it."""
        if name not in self._pairs:
            prefix = disguise(name, self._folder)
            first = Worker(self._sides[0], prefix)
            try:
                self._pairs[name] = (first, Worker(self._sides[1], prefix))
            except WorkerError:
                first.close()
                raise
        return self._pairs[name]

    def pair(self, work: Work, functions: Sequence[str], effort: Effort, check: bool = True) -> Pairing:
        """Measure one workload on both sides, `functions` being `module:name` on each.

        Raises WorkerError when a side fails, or when the two give different answers: a faster wrong answer
        is not a result.
        """
        workers = self.workers(work.disguise)
        key = f"{work.function}/{work.name}"
        for worker, function in zip(workers, functions, strict=True):
            worker.ask("prepare", name=key, function=function, args=list(work.args), kwargs=work.kwargs, env=work.env)
        answers = [worker.ask("answer", name=key) for worker in workers]
        first, second = (answer["result"] for answer in answers)
        if check and first != second:
            raise WorkerError(f"{key}: the sides differ: {first[:80]} and {second[:80]}")
        loops = [
            1  # one call takes longer than a round is to take
            if answer["seconds"] > 4 * effort.seconds
            else worker.ask("calibrate", name=key, seconds=effort.seconds)["loops"]
            for worker, answer in zip(workers, answers, strict=True)
        ]
        times: tuple[list[float], list[float]] = ([], [])
        rounds = effort.rounds
        for number in range(effort.rounds):
            if number >= rounds:
                break
            for side in (0, 1) if number % 2 == 0 else (1, 0):
                times[side].append(workers[side].ask("time", name=key, loops=loops[side])["seconds"])
            if times[0][-1] > SLOW:
                rounds = effort.slow_rounds
        return Pairing(work, tuple(times[0]), tuple(times[1]))

    def close(self) -> None:
        """End all workers."""
        for pair in self._pairs.values():
            for worker in pair:
                worker.close()

    def __enter__(self) -> Bench:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End all workers."""
        self.close()
