"""The same file and keys through the real flagd providers, each in an environment of its own.

A stock client that passes `rolloutBucket` must agree with us whatever generation of `fractional` it has; without
the bucket, the third generation must.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Iterator, Sequence
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from release.rollout.bucket import bucket_of, is_on
from release.rollout.flag_file import FlagFile
from sky.utils import rust_rollout

FLAG = "sky-rs.use-rust"
PERCENTS = (0, 1, 10, 25, 50, 75, 90, 100)
HERE = Path(__file__).parent / "providers"
SEED = 20_261_122
VECTORS = json.loads((Path(__file__).parent / "data" / "rollout_vectors.json").read_text("utf-8"))


def random_keys(count: int) -> list[str]:
    dice = random.Random(SEED)
    letters = "abcdefghijklmnopqrstuvwxyz0123456789-._ éß日本хост🦀\u200d\u202e\x00\t"
    keys = [f"{dice.getrandbits(128):032x}" for _ in range(count // 2)]
    keys += ["".join(dice.choices(letters, k=dice.randint(1, 90))) for _ in range(count - len(keys))]
    return keys


def flag_file(tmp_path: Path, percent: int, *, enabled: bool = True) -> str:
    path = tmp_path / f"flags-{percent}.json"
    path.write_bytes(FlagFile("sky-rs-0.1.0", "sky-rs", FLAG, percent * 100, 1, "promote", enabled).render())
    return str(path)


def differences(command: Sequence[str], tmp_path: Path, keys: list[str], *, with_bucket: bool, cwd: Path) -> int:
    files = [flag_file(tmp_path, percent) for percent in PERCENTS]
    places = {key: bucket_of(FLAG, key) for key in keys}
    pairs = [[key, places[key] if with_bucket else None] for key in keys]
    task = json.dumps({"files": files, "flag": FLAG, "keys": pairs})
    ran = subprocess.run([*command], input=task, capture_output=True, text=True, encoding="utf-8", cwd=cwd)
    assert ran.returncode == 0, ran.stderr[-2000:]
    rows = ran.stdout.split()
    assert [len(row) for row in rows] == [len(keys)] * len(PERCENTS)
    wrong = 0
    for percent, row in zip(PERCENTS, rows, strict=True):
        for key, answer in zip(keys, row, strict=True):
            wrong += (answer == "1") != is_on(places[key], percent * 100)
    return wrong


def python_environment(folder: Path, *packages: str) -> str:
    venv.create(folder, with_pip=True)
    python = str(folder / ("Scripts" if os.name == "nt" else "bin") / "python")
    subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True, capture_output=True)
    return python


def vector_keys() -> list[str]:
    return [vector["key"] for vector in VECTORS["vectors"] if vector["key"]]


@pytest.mark.parametrize("with_bucket", [True, False])
def test_the_installed_provider_on_every_vector_and_a_thousand_keys(tmp_path: Path, with_bucket: bool) -> None:
    command = [sys.executable, str(HERE / "evaluate.py")]
    keys = vector_keys() + random_keys(1000)
    assert differences(command, tmp_path, keys, with_bucket=with_bucket, cwd=tmp_path) == 0


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.parametrize(("version", "generation"), [("0.6.1", 3), ("0.5.2", 2)])
def test_python_providers_on_ten_thousand_keys(tmp_path: Path, version: str, generation: int) -> None:
    packages = (f"openfeature-provider-flagd=={version}", "openfeature-sdk==0.10.0")
    command = [python_environment(tmp_path / "env", *packages), str(HERE / "evaluate.py")]
    keys = vector_keys() + random_keys(10_000)
    wrong = differences(command, tmp_path, keys, with_bucket=True, cwd=tmp_path)
    bare = differences(command, tmp_path, keys, with_bucket=False, cwd=tmp_path)
    total = len(keys) * len(PERCENTS)
    print(f"\nopenfeature-provider-flagd {version}: {wrong} differences of {total} with the bucket, {bare} without it")
    assert wrong == 0
    assert (bare == 0) == (generation == 3)


@pytest.mark.slow
@pytest.mark.network
def test_the_npm_evaluator_on_ten_thousand_keys(tmp_path: Path) -> None:
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("NOT RUN: node and npm are not on this machine, so the npm evaluator was not compared")
    (tmp_path / "package.json").write_text('{"private": true}')
    install = [npm, "install", "--no-audit", "--no-fund", "@openfeature/flagd-core@4.0.1", "@openfeature/core"]
    subprocess.run(install, cwd=tmp_path, check=True, capture_output=True)
    shutil.copy(HERE / "evaluate.cjs", tmp_path)
    keys = vector_keys() + random_keys(10_000)
    command = ["node", "evaluate.cjs"]
    wrong = differences(command, tmp_path, keys, with_bucket=True, cwd=tmp_path)
    bare = differences(command, tmp_path, keys, with_bucket=False, cwd=tmp_path)
    total = len(keys) * len(PERCENTS)
    print(f"\n@openfeature/flagd-core 4.0.1: {wrong} differences of {total} with the bucket, {bare} without it")
    assert wrong == 0


def test_the_documented_way_to_hand_in_a_providers_answer(tmp_path: Path) -> None:
    """The example of docs/rollout.md, run as it stands there, with the real SDK and provider."""
    document = (Path(rust_rollout.__file__).parents[2] / "docs" / "rollout.md").read_text("utf-8")
    example = next(block.partition("\n")[2] for block in document.split("```")[1::2] if "FlagdProvider" in block)
    path = tmp_path / "flags.json"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SKYPILOT")}
    environ |= {"PYTHONPATH": str(Path(rust_rollout.__file__).parents[2]), "SKYPILOT_USER_ID": "cafe0001"}
    place = rust_rollout.bucket(rust_rollout.unit_key(environ))
    for threshold, expected in ((place, False), (place + 1, True)):
        path.write_bytes(FlagFile("sky-rs-0.1.0", "sky-rs", FLAG, threshold, 1, "promote").render())
        code = example + "\nimport json\nprint(json.dumps(rust_fallback.get_backend_info()))\n"
        ran = subprocess.run(
            [sys.executable, "-c", code], env={**environ, "FLAGS": str(path)}, capture_output=True, text=True
        )
        assert ran.returncode == 0, ran.stderr
        info = json.loads(ran.stdout.strip().split("\n")[-1])
        assert (info["rule"], info["rust_wanted"]) == ("provider", expected)


@pytest.mark.slow
@pytest.mark.network
def test_flagds_own_engine_over_ofrep_on_a_thousand_keys(tmp_path: Path) -> None:
    engine = flagd_core(tmp_path)
    keys = vector_keys() + random_keys(1000)
    wrong = bare = 0
    for percent in PERCENTS:
        expected = [is_on(bucket_of(FLAG, key), percent * 100) for key in keys]
        with serving(engine, flag_file(tmp_path, percent), tmp_path / "log") as port:
            wrong += count_different(ofrep(port, keys), expected)
            bare += count_different(ofrep(port, keys, with_bucket=False), expected)
    total = len(keys) * len(PERCENTS)
    print(f"\nflagd core 0.13.2: {wrong} differences of {total} with the bucket, {bare} without it")
    assert wrong == 0
    assert bare  # its `fractional` is the first generation, so these keys do tell right answers from wrong ones
    assert (tmp_path / "log").read_text() == ""  # nothing in the file is against flagd's own schema


@pytest.mark.slow
@pytest.mark.network
def test_flagds_own_engine_leaves_a_flag_that_is_off_to_the_client(tmp_path: Path) -> None:
    path = flag_file(tmp_path, 100, enabled=False)
    with (
        serving(flagd_core(tmp_path), path, tmp_path / "log") as port,
        contextlib.closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection,
    ):
        status, answer = ask(connection, {"targetingKey": "a", "rolloutBucket": 0})
    assert (status, answer["errorCode"]) == (404, "FLAG_NOT_FOUND")
    assert "disabled" in answer["errorDetails"]


def count_different(answers: list[bool], expected: list[bool]) -> int:
    return sum(answer != wanted for answer, wanted in zip(answers, expected, strict=True))


def flagd_core(tmp_path: Path) -> str:
    """Build the server in providers/flagd_core; its go.sum names every byte that it is made of."""
    if shutil.which("go") is None:
        pytest.skip("NOT RUN: go is not on this machine, so flagd's own engine was not compared")
    program = tmp_path / "flagd_core.exe"
    command = ["go", "build", "-C", str(HERE / "flagd_core"), "-mod=readonly", "-buildvcs=false", "-o", str(program)]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr[-2000:]
    return str(program)


@contextlib.contextmanager
def serving(program: str, path: str, log: Path) -> Iterator[int]:
    """The port of a server of this flag file. It ends with its standard input, which ends with the block."""
    with log.open("a") as stderr:
        command = [program, path]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr) as server:
            assert server.stdout is not None
            line = server.stdout.readline()
            assert line, log.read_text()
            yield int(line)
    assert server.returncode == 0, log.read_text()


@pytest.mark.slow
@pytest.mark.network
def test_a_real_flagd_server_serves_the_same_file(tmp_path: Path) -> None:
    """Opt-in: ROLLOUT_TEST_FLAGD=1 takes `flagd` from the path, or builds it from the Go module proxy."""
    if os.environ.get("ROLLOUT_TEST_FLAGD") != "1":
        pytest.skip("NOT RUN: set ROLLOUT_TEST_FLAGD=1 to compare with a flagd server")
    flagd = shutil.which("flagd") or str(tmp_path / "flagd")
    if not Path(flagd).exists():
        environ = {**os.environ, "GOBIN": str(tmp_path)}
        subprocess.run(["go", "install", "github.com/open-feature/flagd/flagd@latest"], env=environ, check=True)
    ports = free_ports(4)
    names = ("--port", "--management-port", "--sync-port", "--ofrep-port")
    options = [part for name, port in zip(names, ports, strict=True) for part in (name, str(port))]
    command = [flagd, "start", "--uri", f"file:{flag_file(tmp_path, 25)}", *options]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        wait_for(ports[3])
        keys = vector_keys()
        answers = ofrep(ports[3], keys)
    finally:
        server.terminate()
        server.wait(10)
    wrong = [key for key, answer in zip(keys, answers, strict=True) if answer != is_on(bucket_of(FLAG, key), 2500)]
    print(f"\nflagd: {len(wrong)} differences of {len(keys)} keys at 25 %")
    assert wrong == []


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def wait_for(port: int) -> None:
    for _ in range(100):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
            return
        time.sleep(0.1)
    raise AssertionError("flagd does not answer")


def ofrep(port: int, keys: Sequence[str], *, with_bucket: bool = True) -> list[bool]:
    """What the server on this port answers for each key."""
    answers = []
    with contextlib.closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        for key in keys:
            bucket = {"rolloutBucket": bucket_of(FLAG, key)} if with_bucket else {}
            status, answer = ask(connection, {"targetingKey": key, **bucket})
            assert status == 200, answer
            variant = "on" if answer["value"] is True else "off"
            assert (answer["key"], answer["variant"], answer["reason"]) == (FLAG, variant, "TARGETING_MATCH")
            answers.append(variant == "on")
    return answers


def ask(connection: HTTPConnection, context: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    body = json.dumps({"context": context})
    connection.request("POST", f"/ofrep/v1/evaluate/flags/{FLAG}", body, {"Content-Type": "application/json"})
    with connection.getresponse() as response:
        return response.status, json.load(response)
