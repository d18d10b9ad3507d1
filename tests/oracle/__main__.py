"""The differential run: thousands of cases on the real SkyPilot and on our functions, compared.

    python -m tests.oracle [--seed N] [--cases N] [--function NAME]...

Prints, per function and side, how many cases were compared, how many could not be run here, and how
many answers differ in anything: type, value, exception, message, cause, log records, identity,
descriptors left open. Exit code: 0 all alike, 1 a mismatch or a side that crashed, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))  # the worker imports the same modules as a script

import cases
import compare
import environment
import fixtures

EXAMPLES = """examples:
  python -m tests.oracle                                    both backends of the installed sky-rs
  python -m tests.oracle --backend python --function hash_file --cases 300
  python -m tests.oracle --seed 7 --show 20                 repeat a run, show more of what differs
  python -m tests.oracle --candidate-modules sky.utils.common_utils,sky.utils.subprocess_utils \\
      --candidate-path TREE --candidate-python PYTHON --original      a migrated SkyPilot tree
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the comparison; see the module's text."""
    options = _parse(arguments)
    sides = _candidates(options)
    started = time.monotonic()
    reference_python = options.reference_python or str(environment.reference_python(options.candidate_python))
    reference = compare.Side("SkyPilot", reference_python, options.reference_modules, tuple(options.reference_path))
    print(
        f"seed {options.seed} (repeat with --seed {options.seed}), {options.cases} cases per function",
        flush=True,
    )
    with fixtures.prepared(options.seed) as made:
        listed = [
            case
            for function in options.function or cases.GENERATORS
            for case in cases.generate(function, options.cases, options.seed, made)
        ]
        # Of SkyPilot's own functions, some never come back from what ours promise to answer.
        promised = [] if options.original else compare.promises()
        try:
            runs = [(reference, listed), *((side, listed + promised) for side in sides)]
            expected, *answers = compare.run_sides(runs, made.root)
            tallies, counts = {}, {}
            for side, got in zip(sides, answers, strict=True):
                counts[side.label] = got.pop(compare.STATS)
                tallies[side.label] = compare.compare(listed, expected, got, departs=not options.original)
                if not options.original:
                    compare.check_promises(got, tallies[side.label])
        except compare.Failed as error:
            print(f"FAILED: {error}", file=sys.stderr)
            return 1
    return _report(tallies, counts, options, time.monotonic() - started)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.oracle",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6), help="default: a new one")
    parser.add_argument("--cases", type=int, default=2000, metavar="N", help="per function, at least (default 2000)")
    parser.add_argument("--function", action="append", choices=list(cases.GENERATORS), help="may be repeated")
    parser.add_argument(
        "--backend", choices=("python", "rust", "both"), help="of sky.utils.rust_fallback (default both)"
    )
    parser.add_argument("--candidate-python", default=sys.executable, metavar="PATH", help="default: this one")
    parser.add_argument("--candidate-modules", default="sky.utils.rust_fallback", metavar="A,B")
    parser.add_argument("--candidate-path", action="append", default=[], metavar="DIR", help="to import from first")
    parser.add_argument(
        "--original", action="store_true", help="the candidate is SkyPilot itself: without our departures from it"
    )
    parser.add_argument("--reference-python", metavar="PATH", help="with SkyPilot; default: made under build/oracle")
    parser.add_argument("--reference-modules", default=environment.MODULES, metavar="A,B")
    parser.add_argument("--reference-path", action="append", default=[], metavar="DIR", help="to import from first")
    parser.add_argument(
        "--show", type=int, default=3, metavar="N", help="differing cases to show per function and side"
    )
    parser.add_argument("--require-all", action="store_true", help="a case that cannot be run here fails the run")
    options = parser.parse_args(arguments)
    if options.cases < 1:
        parser.error("--cases must be at least 1")
    if options.backend and options.candidate_modules != "sky.utils.rust_fallback":
        parser.error("--backend is for sky.utils.rust_fallback; other modules have one side only")
    return options


def _candidates(options: argparse.Namespace) -> list[compare.Side]:
    paths = tuple(str(pathlib.Path(path).resolve()) for path in options.candidate_path)
    if options.candidate_modules != "sky.utils.rust_fallback":
        return [compare.Side("candidate", options.candidate_python, options.candidate_modules, paths)]
    backends = ("python", "rust") if options.backend in (None, "both") else (options.backend,)
    return [compare.Side(name, options.candidate_python, options.candidate_modules, paths, name) for name in backends]


def _report(
    tallies: dict[str, dict[str, compare.Tally]],
    counts: dict[str, dict[str, dict[str, int]]],
    options: argparse.Namespace,
    seconds: float,
) -> int:
    failed = False
    for label, by_function in tallies.items():
        native = "  answered natively" if any(entry["native_calls"] for entry in counts[label].values()) else ""
        print(f"\n{label:<34}{'cases':>8}{'not run':>9}{'mismatches':>12}{native}")
        for function, tally in by_function.items():
            share = f"{counts[label][function]['native_calls']:>19}" if native else ""
            print(f"  {function:<32}{tally.compared:>8}{tally.not_run:>9}{len(tally.mismatches):>12}{share}")
            failed |= bool(tally.mismatches) or (options.require_all and tally.not_run > 0)
        for function, tally in by_function.items():
            for case, expected, got in tally.mismatches[: options.show]:
                call = {key: value for key, value in case.items() if key not in ("id", "f")}
                print(f"\n  {case['id']} {function} {json.dumps(call)}\n    SkyPilot: {expected}\n    {label}: {got}")
        not_run = sum(tally.not_run for tally in by_function.values())
        if not_run:
            print(f"\n  NOT RUN: {not_run} cases need private mounts, a private network or root, which are not")
            print("  permitted here. They are not passes; run this as root on Linux.")
    print(f"\n{'MISMATCHES' if failed else 'all alike'} after {seconds:.0f} s, seed {options.seed}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
