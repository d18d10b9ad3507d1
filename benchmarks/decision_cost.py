"""What deciding costs a process at import: `python -m benchmarks.decision_cost [--quick] [--format json]`.

Each number is a minimum over fresh interpreters, so caches are cold where a user's are: importing
`sky.utils.rust_rollout`, the first whole decision (file read, hash and bucket included), and a decision once warm.
Exit code 1 when a whole decision with the package's own form of file takes 100 microseconds or more.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[1]
LIMIT = 100.0  # microseconds
_CODE = """
import sys, time
clock = time.perf_counter_ns
began = clock(); from sky.utils import rust_rollout; imported = clock() - began
began = clock(); rust_rollout.decide(); first = clock() - began
warm = min((lambda a: (rust_rollout.decide(), clock() - a)[1])(clock()) for _ in range(300))
print(imported, first, warm, rust_rollout.decide().rust_wanted)
"""


@click.command()
@click.option("--quick", is_flag=True, help="Fewer interpreters, noisier.")
@click.option("--python", default=sys.executable, help="The interpreter to measure; this one by default.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Also write the JSON here.")
def main(quick: bool, python: str, form: str, output: Path | None) -> None:
    """Measure the import of the decision, and the decision, with and without a flag file."""
    package = (ROOT / "sky/utils/rust_rollout.json").read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "same.json").write_bytes(package)
        (place / "indented.json").write_text(json.dumps(json.loads(package), indent=2))
        cases = {
            "flag file of the package": {},
            "flag file that the environment names": {"SKYPILOT_RUST_ROLLOUT": str(place / "same.json")},
            "no flag file": {"SKYPILOT_RUST_ROLLOUT": str(place / "missing.json")},
            "flag file in another layout (needs json)": {"SKYPILOT_RUST_ROLLOUT": str(place / "indented.json")},
            "SKYPILOT_USE_RUST=0": {"SKYPILOT_USE_RUST": "0"},
        }
        rounds = 10 if quick else 60
        best: dict[str, list[float]] = {}
        for _ in range(rounds):  # the cases take turns, so that a noisy moment hits all of them
            for name, flags in cases.items():
                times = _measure(python, flags)
                best[name] = [min(pair) for pair in zip(best.get(name, times), times, strict=True)]
    rows = [
        {"case": name, "import_us": times[0], "first_decision_us": times[1], "warm_decision_us": times[2]}
        for name, times in best.items()
    ]
    within = all(times[key] < LIMIT for times in list(best.values())[:3] for key in (1, 2))
    document = {"limit_us": LIMIT, "within": within, "interpreters": rounds, "rows": rows}
    if output:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(document, indent=2))
    if form == "json":
        click.echo(json.dumps(document, indent=2))
    else:
        click.echo(
            f"microseconds, minimum over {rounds} fresh interpreters      import   first decision   warm decision"
        )
        for name, times in best.items():
            click.echo(f"  {name:45} {times[0]:15.0f} {times[1]:16.1f} {times[2]:15.1f}")
        click.echo(f"whole decision under {LIMIT:g} microseconds: {'yes' if within else 'NO'}")
    sys.exit(0 if within else 1)


def _measure(python: str, flags: dict[str, str]) -> list[float]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("SKYPILOT", "PYTHON"))}
    environ |= {"SKYPILOT_USER_ID": "cafe0001", "PYTHONPATH": str(ROOT), **flags}
    ran = subprocess.run([python, "-S", "-c", _CODE], env=environ, capture_output=True, text=True, check=True)
    return [int(text) / 1000 for text in ran.stdout.split()[:3]]


if __name__ == "__main__":
    main()
