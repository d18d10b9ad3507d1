"""Line coverage of both languages: the Rust crate, and our Python.

    python -m tools.coverage_report [--only rust|python] [--fail-under 90] [pytest arguments]

Compiles the crate with LLVM's instrumentation, runs `cargo test`, then puts an instrumented `sky_rs` before
the installed one and runs pytest with it. LLVM's own tools read the counters; they must be of the LLVM that
rustc was built with: rustup's `llvm-tools` component has them, and so has Debian's package `llvm-22`.
Python is measured by all tests that are not slow and by the two rehearsals, which need Prometheus and a package index.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MANIFEST = ROOT / "rust" / "Cargo.toml"
TARGET = ROOT / "build" / "rust-coverage"
# The crate's own sources; its tests and other people's crates do not count.
SOURCES = ROOT / "rust" / "skypilot-utils" / "src"
NOT_COUNTED = re.compile(r"/tests(/|\.rs$)")
# The rehearsals are slow tests, and nothing else runs what they run.
PYTHON_RUNS = (
    ("-q", "--numprocesses=auto", "-m", "not slow and not network"),
    ("-q", "-m", "slow", "tests/rollout/test_prometheus.py", "tests/release/test_commands_rehearse.py"),
)


class ToolsMissingError(Exception):
    """LLVM's tools are not here, or of another version than rustc."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print lines and totals; 1 when a total is too low or a test fails, 2 when a tool is missing."""
    parser = argparse.ArgumentParser(prog="python -m tools.coverage_report", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--fail-under", type=float, default=90.0, metavar="PERCENT")
    parser.add_argument("--only", choices=("rust", "python"), help="measure one language")
    options, pytest_arguments = parser.parse_known_args(arguments)
    enough = True
    try:
        if options.only != "python":
            enough = rust_coverage(options.fail_under, pytest_arguments or ["-q", "tests/sky"])
        if options.only != "rust":
            python_coverage(options.fail_under, [pytest_arguments] if pytest_arguments else PYTHON_RUNS)
    except ToolsMissingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except subprocess.CalledProcessError as error:
        print(f"error: {' '.join(map(str, error.cmd))} failed with exit code {error.returncode}", file=sys.stderr)
        return 1
    return 0 if enough else 1


def python_coverage(fail_under: float, runs: Sequence[Sequence[str]]) -> None:
    """Run pytest under coverage.py and print its report; raises CalledProcessError when it is too low."""
    coverage = [sys.executable, "-m", "coverage"]
    run([*coverage, "erase"])
    for arguments in runs:
        run([*coverage, "run", "-m", "pytest", *arguments])
    run([*coverage, "report", f"--fail-under={fail_under:g}"])


def rust_coverage(fail_under: float, pytest_arguments: Sequence[str]) -> bool:
    """Measure the crate and print a line for each file and the total; false when that is too low."""
    profdata, cov = find_tool("llvm-profdata"), find_tool("llvm-cov")
    objects = measure(pytest_arguments)
    merged = TARGET / "merged.profdata"
    run([profdata, "merge", "--sparse", "-o", str(merged), *map(str, TARGET.glob("*.profraw"))])
    command = [cov, "export", "--summary-only", f"--instr-profile={merged}", str(objects[0])]
    command += [f"--object={path}" for path in objects[1:]]
    covered, total = report(line_counts(json.loads(run(command, capture=True))))
    percent = 100 * covered / total if total else 0.0
    print(f"Rust coverage: {percent:.1f} % of {total} lines (at least {fail_under:g} % wanted)")
    return percent >= fail_under


def find_tool(name: str) -> str:
    """Return the path of an LLVM tool of rustc's own major version."""
    about = subprocess.run(["rustc", "-vV"], check=True, capture_output=True, text=True).stdout
    version = re.search(r"^LLVM version: (\d+)", about, re.MULTILINE)
    if version is None:
        raise ToolsMissingError("rustc -vV does not say which LLVM it was built with")
    sysroot = subprocess.run(["rustc", "--print", "sysroot"], check=True, capture_output=True, text=True).stdout
    bundled = sorted(Path(sysroot.strip()).glob(f"lib/rustlib/*/bin/{name}"))
    found = str(bundled[0]) if bundled else shutil.which(f"{name}-{version[1]}")
    if found is None:
        raise ToolsMissingError(
            f"{name} of LLVM {version[1]} was not found: run `rustup component add llvm-tools`, "
            f"or `apt-get install llvm-{version[1]}`"
        )
    return found


def measure(pytest_arguments: Sequence[str]) -> list[Path]:
    """Run all tests with instrumented code; return the programs and the module that were run."""
    for stale in TARGET.glob("*.profraw"):
        stale.unlink()
    environment = {
        **os.environ,
        "CARGO_TARGET_DIR": str(TARGET),
        "LLVM_PROFILE_FILE": str(TARGET / "%p-%m.profraw"),
        "PYO3_PYTHON": sys.executable,
        # The tests embed Python: a shared libpython of pyenv's is in no folder that the loader looks in.
        "LD_LIBRARY_PATH": os.pathsep.join(
            filter(None, [sysconfig.get_config_var("LIBDIR"), os.environ.get("LD_LIBRARY_PATH")])
        ),
        "RUSTFLAGS": "-C instrument-coverage",
    }
    cargo = ["--manifest-path", str(MANIFEST), "--locked", "--features", "abi3-py310", "--message-format=json"]
    tests = artifacts(run(["cargo", "test", "--no-run", "--lib", "--tests", *cargo], environment, capture=True))
    programs = [path for path in tests if os.access(path, os.X_OK) and path.suffix != ".so"]
    for program in programs:
        run([str(program), "-q"], environment)
    built = artifacts(run(["cargo", "build", "--lib", *cargo], environment, capture=True))
    library = next(path for path in built if path.suffix in {".so", ".dylib"})
    folder = TARGET / "module"
    folder.mkdir(exist_ok=True)
    module = folder / "sky_rs.abi3.so"
    shutil.copyfile(library, module)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
    check = "import sys, sky_rs; sys.exit(0 if sky_rs.__file__ == sys.argv[1] else 'another sky_rs comes first')"
    run([sys.executable, "-c", check, str(module)], environment)
    run([sys.executable, "-m", "pytest", *pytest_arguments], environment)
    return [*programs, module]


def artifacts(messages: str) -> list[Path]:
    """Return the test programs and libraries of our crate that cargo's JSON messages name."""
    found = []
    for line in messages.splitlines():
        message = json.loads(line)
        if message.get("reason") != "compiler-artifact" or "skypilot-utils" not in message["package_id"]:
            continue
        if message["profile"]["test"] and message["executable"]:
            found.append(Path(message["executable"]))
        elif "cdylib" in message["target"]["kind"] and not message["profile"]["test"]:
            found += [Path(name) for name in message["filenames"]]
    return found


def run(command: Sequence[str], environment: Mapping[str, str] | None = None, *, capture: bool = False) -> str:
    """Run a command in the repository's folder; raises CalledProcessError when it fails."""
    stdout = subprocess.PIPE if capture else None
    done = subprocess.run(command, check=True, cwd=ROOT, env=environment, stdout=stdout, text=True)
    return done.stdout or ""


def line_counts(exported: Mapping[str, object]) -> dict[str, tuple[int, int]]:
    """Return covered and all lines of each of the crate's source files from `llvm-cov export`."""
    counts = {}
    data = exported["data"]
    assert isinstance(data, list)
    for file in data[0]["files"]:
        name = file["filename"]
        if name.startswith(str(SOURCES)) and not NOT_COUNTED.search(name):
            lines = file["summary"]["lines"]
            counts[str(Path(name).relative_to(SOURCES))] = (lines["covered"], lines["count"])
    return counts


def report(counts: Mapping[str, tuple[int, int]]) -> tuple[int, int]:
    """Print a line for each file; return covered and all lines."""
    for name, (covered, total) in sorted(counts.items()):
        print(f"{name:32} {covered:5} of {total:5} lines {100 * covered / total if total else 100:6.1f} %")
    return sum(covered for covered, _ in counts.values()), sum(total for _, total in counts.values())


if __name__ == "__main__":
    sys.exit(main())
