"""The whole rollout, for real and thrown away: a release, a fleet on loopback, Prometheus, two promotions, a rollback.

Nothing outside a temporary folder changes. Every commit is made by the same commands a person would type.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from release.errors import Refused
from release.rollout.bucket import bucket_of

FLAG = "sky-rs.use-rust"
FILE = "sky/utils/rust_rollout.json"
HOSTS = 10
_SETTINGS = f"""[project]
name = "sky-rs"
version = "0.0.0"

[tool.release.rollout]
flag = "{FLAG}"
file = "{FILE}"
minimum-time = "3s"
crash-rate = 0.01
"""
_PATIENCE = 180.0  # seconds for one verdict


@dataclass(frozen=True)
class Place:
    """The temporary folder and how to say and do things in it."""

    root: Path
    say: Callable[[str], None]
    environment: dict[str, str]

    @property
    def repo(self) -> Path:
        """The clone."""
        return self.root / "repo"

    def git(self, *arguments: str, cwd: Path | None = None) -> str:
        """Run git in the clone and return what it prints."""
        ran = subprocess.run(
            ["git", *arguments], cwd=cwd or self.repo, env=self.environment, check=True, capture_output=True, text=True
        )
        return ran.stdout.strip()

    def release(self, *arguments: str, expect: tuple[int, ...] = (0,), quiet: bool = False) -> tuple[int, str]:
        """Run `python -m release` on the clone. Raises Refused for an exit code that is not expected."""
        command = [sys.executable, "-m", "release", "--repo", str(self.repo), *arguments]
        ran = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=_PATIENCE)
        if ran.returncode not in expect:
            message = f"`release {' '.join(arguments)}` ended with {ran.returncode}: {ran.stderr or ran.stdout}"
            raise Refused.because("rehearsal", message.strip())
        if not quiet:
            self.say(f"$ python -m release {' '.join(arguments)}")
            for line in ran.stdout.strip().split("\n"):
                self.say(f"    {line}")
        return ran.returncode, ran.stdout


def rehearse(say: Callable[[str], None], keep: bool = False) -> None:
    """Run it. Raises Refused when something is missing or does not go as it must."""
    binary = shutil.which("prometheus")
    if binary is None:
        raise Refused.because("no-prometheus", "there is no `prometheus` here", "apt-get install prometheus")
    try:
        import prometheus_client  # noqa: F401

        import sky.utils.rust_evidence  # noqa: F401
    except ImportError as error:
        fix = "nox -s rollout -- rehearse brings everything it needs"
        raise Refused.because("missing-module", f"the rehearsal needs {error.name}", fix) from None
    root = Path(tempfile.mkdtemp(prefix="rollout-rehearsal-"))
    try:
        place = Place(root, say, _environment(root))
        _run(place, binary)
    finally:
        if keep:
            say(f"kept: {root}")
        else:
            shutil.rmtree(root, ignore_errors=True)


def _run(place: Place, prometheus: str) -> None:
    began = time.monotonic()
    step = _steps(place.say)
    step("a release in a throw-away repository with its own bare remote")
    _repository(place)
    place.release("cut", "0.1.0", "--execute")
    step("the first stage")
    place.release("rollout", "stage", "10")
    with contextlib.ExitStack() as stack:
        step(f"{HOSTS} hosts on loopback, each with its own exporter, and Prometheus scraping them every second")
        ports = [stack.enter_context(_host(place, number)) for number in range(HOSTS)]
        url = stack.enter_context(_prometheus(place, prometheus, ports))
        place.say(f"    exporters on 127.0.0.1:{{{','.join(map(str, ports))}}}, Prometheus on {url}")
        for percent, following in ((10, 25), (25, 50)):
            step(f"the gate at {percent} %, good evidence: promote to {following} %")
            _until(place, url, 0)
        step("errors are injected: a fifth of the Rust units go wrong from now on")
        (place.root / "inject").touch()
        _until(place, url, 5)
        step("what the hosts decide after the rollback")
        _everybody_on_python(place)
    step("every commit and tag, here and on the remote")
    _show(place)
    place.say(f"\nrehearsed in {time.monotonic() - began:.0f} s; nothing outside {place.root} was changed")


def _until(place: Place, url: str, wanted: int) -> None:
    """Ask `promote --gate` until it acts, and check that it acts as it must."""
    deadline, last = time.monotonic() + _PATIENCE, ""
    arguments = ("rollout", "promote", "--gate", "--prometheus", url)
    while True:
        code, out = place.release(*arguments, expect=(0, 4, 5), quiet=True)
        if code != 4:
            break
        last = out.split("\n")[0]
        if time.monotonic() > deadline:
            raise Refused.because("rehearsal", f"the gate still says {last}")
        time.sleep(2)
    if last:
        place.say(f"    (before that: {last})")
    place.say(f"$ python -m release {' '.join(arguments)}   -> exit {code}")
    for line in out.strip().split("\n"):
        place.say(f"    {line}")
    if code != wanted:
        raise Refused.because("rehearsal", f"the gate ended with {code}, and {wanted} is right here")
    reason = place.git("log", "-1", "--format=%b")
    place.say("    " + "\n    ".join(line for line in reason.split("\n") if line))
    again, _ = place.release("rollout", "gate", "--replay", "HEAD", expect=(wanted,), quiet=True)
    place.say(f"    replayed from the commit alone: exit {again}, the same verdict")


def _everybody_on_python(place: Place) -> None:
    from sky.utils import rust_rollout

    for number in range(HOSTS):
        environ = {"SKYPILOT_RUST_ROLLOUT": str(place.repo / FILE), "SKYPILOT_USER_ID": _host_id(number)}
        decision = rust_rollout.decide(environ)
        if decision.rust_wanted:
            raise Refused.because("rehearsal", f"host {number} still uses Rust: {decision.reason}")
    place.say(f"    all {HOSTS} on Python: bucket against 0 %")


def _show(place: Place) -> None:
    for line in place.git("log", "--reverse", "--format=%h %ci %s%n      tags:%d").split("\n"):
        place.say(f"    {line}")
    pattern = ("for-each-ref", "--format=%(objecttype) %(refname)", "refs/heads/main", "refs/tags")
    here, there = place.git(*pattern), place.git(*pattern, cwd=place.root / "remote.git")
    place.say("    on the remote:")
    for line in there.split("\n"):
        place.say(f"      {line}")
    if here != there:
        raise Refused.because("rehearsal", "the clone and the remote do not have the same refs")


def _repository(place: Place) -> None:
    remote = place.root / "remote.git"
    place.git("init", "-q", "--bare", "-b", "main", str(remote), cwd=place.root)
    place.git("clone", "-q", str(remote), str(place.repo), cwd=place.root)
    place.git("checkout", "-q", "-B", "main")
    (place.repo / "pyproject.toml").write_text(_SETTINGS)
    (place.repo / "CHANGELOG.md").write_text("# Changelog\n\n## [Unreleased]\n\n### Added\n\n- Everything.\n")
    place.git("add", "-A")
    place.git("commit", "-qm", "feat: begin")
    place.git("push", "-q", "-u", "origin", "main")


def _environment(root: Path) -> dict[str, str]:
    home = root / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("[user]\n\tname = Rehearsal\n\temail = rehearsal@example.invalid\n")
    drop = ("GIT_", "SKYPILOT", "PROMETHEUS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(drop)}
    tree = str(Path(__file__).parents[2])
    return {**kept, "HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1", "PYTHONPATH": tree}


def _host_id(number: int) -> str:
    """A user id whose bucket lies in the given tenth, so that ten hosts stand for the whole fleet."""
    from sky.utils import rust_rollout

    for attempt in range(10_000):
        name = f"host-{number}-{attempt}"
        place = bucket_of(FLAG, rust_rollout.unit_key({"SKYPILOT_USER_ID": name}))
        if place is not None and place * HOSTS // 10_000 == number:
            return name
    raise AssertionError("ten thousand names, and none in this tenth")


@contextlib.contextmanager
def _host(place: Place, number: int) -> Iterator[int]:
    folder = place.root / f"host-{number}"
    command = [sys.executable, "-m", "release.rollout.rehearse_host", str(folder), str(place.root / "inject")]
    flags = {"SKYPILOT_RUST_ROLLOUT": str(place.repo / FILE), "SKYPILOT_USER_ID": _host_id(number)}
    process = subprocess.Popen(
        command,
        env={**place.environment, **flags},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=place.root,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


@contextlib.contextmanager
def _prometheus(place: Place, binary: str, ports: list[int]) -> Iterator[str]:
    targets = ", ".join(f"'127.0.0.1:{port}'" for port in ports)
    config = place.root / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
        f"scrape_configs: [{{job_name: hosts, static_configs: [{{targets: [{targets}]}}]}}]\n"
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    log = (place.root / "prometheus.log").open("wb")
    process = subprocess.Popen(
        [
            binary,
            f"--config.file={config}",
            f"--storage.tsdb.path={place.root / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        stdout=log,
        stderr=subprocess.STDOUT,
        env=place.environment,
    )
    try:
        _wait_ready(process, url, place.root / "prometheus.log")
        yield url
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()


def _wait_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/-/ready", timeout=2):  # noqa: S310
            return
        time.sleep(0.2)
    raise Refused.because("no-prometheus", f"Prometheus did not start: {log.read_text()[-500:]}")


def _steps(say: Callable[[str], None]) -> Callable[[str], None]:
    began, count = time.monotonic(), 0

    def step(text: str) -> None:
        nonlocal count
        count += 1
        say(f"\n{count}. {text}  ({time.monotonic() - began:.0f} s)")

    return step
