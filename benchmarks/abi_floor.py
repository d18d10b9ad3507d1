"""What the oldest Python that a wheel supports costs per call.

    python -m benchmarks.abi_floor [--rounds N] [--format text|json]

The limited API of Python 3.9 passes arguments as a tuple; that of 3.10 and newer does without. Both forms of
the module are built with cargo, and each is called from this Python in processes of its own, in turns. The
figure is the least time of a call in nanoseconds, the loop around it included.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "abi-floor"
FEATURES = ("abi3-py39", "abi3-py310")
CALLS = {
    "base36_encode, 8 digits": "sky_rs.base36_encode('0123abcd')",
    "format_float, fraction": "sky_rs.format_float(3.14159)",
    "truncate_long_string, short": "sky_rs.truncate_long_string('short')",
    "truncate_long_string, by name": "sky_rs.truncate_long_string('short', max_length=9)",
    "is_process_alive, gone": "sky_rs.is_process_alive(2147483647)",
}
# Run in a process of its own: prints the least nanoseconds for each statement on its command line.
TIMER = """
import json, sys, timeit
import sky_rs
times = [min(timeit.repeat(call, globals={"sky_rs": sky_rs}, number=20000, repeat=15)) for call in sys.argv[1:]]
print(json.dumps([time / 20000 * 1e9 for time in times]))
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Build both, measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.abi_floor", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="processes for each form, in turns (default: 5)")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    if shutil.which("cargo") is None:
        print("error: cargo was not found; install Rust from https://rustup.rs", file=sys.stderr)
        return 1
    try:
        folders = {feature: build(feature) for feature in FEATURES}
        least = measure(folders, options.rounds)
    except subprocess.CalledProcessError as error:
        print(f"error: {' '.join(error.cmd[:3])} failed with exit code {error.returncode}", file=sys.stderr)
        return 1
    print(json.dumps(least, indent=2) if options.format == "json" else table(least))
    return 0


def build(feature: str) -> Path:
    """Compile the module for the feature; return the folder from which Python can import it."""
    command = ["cargo", "build", "--release", "--locked", "--features", feature, "--message-format=json"]
    command += ["--manifest-path", str(ROOT / "rust" / "skypilot-utils" / "Cargo.toml")]
    environment = {**os.environ, "CARGO_TARGET_DIR": str(BUILD), "PYO3_PYTHON": sys.executable}
    messages = subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE, text=True).stdout
    library = module_file(messages)
    folder = BUILD / feature
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(library, folder / ("sky_rs.pyd" if sys.platform == "win32" else "sky_rs.abi3.so"))
    return folder


def module_file(messages: str) -> Path:
    """Return the shared library that cargo's JSON messages name."""
    for line in messages.splitlines():
        message = json.loads(line)
        if message.get("reason") == "compiler-artifact" and message["target"]["name"] == "sky_rs":
            for name in message["filenames"]:
                if Path(name).suffix in {".so", ".dylib", ".dll"}:
                    return Path(name)
    raise FileNotFoundError("cargo built no shared library")


def measure(folders: Mapping[str, Path], rounds: int) -> dict[str, dict[str, float]]:
    """Return the least nanoseconds by call and feature."""
    least: dict[str, dict[str, float]] = {call: {} for call in CALLS}
    for _ in range(rounds):
        for feature, folder in folders.items():
            environment = {**os.environ, "PYTHONPATH": str(folder)}
            command = [sys.executable, "-c", TIMER, *CALLS.values()]
            output = subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE, text=True).stdout
            for call, time in zip(CALLS, json.loads(output), strict=True):
                least[call][feature] = min(time, least[call].get(feature, time))
    return least


def table(least: Mapping[str, Mapping[str, float]]) -> str:
    """Lay the figures out for reading."""
    rows = [f"{'ns a call':32}" + "".join(f"{feature:>12}" for feature in FEATURES) + f"{'ratio':>8}"]
    for call, times in least.items():
        old, new = (times[feature] for feature in FEATURES)
        rows.append(f"{call:32}{old:12.1f}{new:12.1f}{old / new:8.2f}")
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
