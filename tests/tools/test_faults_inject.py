"""The points and faults of the fault run, each by itself, in processes of their own where they kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

resource = pytest.importorskip("resource", reason="the fault run is for Linux: NOT tested here")
inject = pytest.importorskip("tools.faults.inject")
trial = pytest.importorskip("tools.faults.trial")


@pytest.mark.parametrize(
    ("event", "arguments", "name"),
    [
        ("subprocess.Popen", ("git", ["git", "-c", "a=b", "--no-pager", "push", "origin"]), "git push"),
        ("subprocess.Popen", ("git", ("git", "--version")), "git"),
        ("subprocess.Popen", ("git", "git"), "git"),
        ("os.rename", ("a", "b", -1, -1), "write rename"),
        ("os.remove", ("a", -1), "write remove"),
        ("open", ("a", "w", os.O_WRONLY | os.O_CREAT), "write open"),
        ("open", ("a", "r", os.O_RDONLY), None),
        ("open", ("a", None, None), None),
        ("import", ("os",), None),
    ],
)
def test_points_are_git_processes_and_writes(event: str, arguments: tuple[object, ...], name: str | None) -> None:
    assert inject._point(event, arguments) == name


@pytest.fixture
def unhooked(monkeypatch: pytest.MonkeyPatch) -> None:
    """An audit hook stays for ever: here the events are told by hand."""
    monkeypatch.setattr(sys, "addaudithook", lambda hook: None)


@pytest.mark.usefixtures("unhooked")
def test_the_action_happens_once_at_its_point_and_its_own_writes_are_no_points() -> None:
    happened: list[int] = []

    def action() -> None:
        happened.append(points.count)
        points._event("os.mkdir", ("inner", 0o777, -1))

    points = inject.Points(2, action)
    for name in ("one", "two", "three"):
        points._event("os.mkdir", (name, 0o777, -1))
        points._event("os.listdir", (name,))
    assert happened == [2]
    assert points.names == ["write mkdir"] * 3


@pytest.mark.usefixtures("unhooked")
def test_an_action_that_fails_leaves_the_counting_as_it_was() -> None:
    def action() -> None:
        raise OSError("no space left")

    points = inject.Points(1, action)
    with pytest.raises(OSError, match="no space"):
        points._event("os.link", ("a", "b", -1, -1))
    assert not points.busy
    points._event("os.link", ("a", "b", -1, -1))
    assert points.count == 2


def in_a_process(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a process group of its own, which a fault may kill."""
    program = [
        sys.executable,
        "-c",
        f"import os, signal, subprocess, sys, time\nfrom tools.faults import inject\n{code}",
    ]
    return subprocess.run(
        [*program, *arguments], capture_output=True, text=True, timeout=60, check=False, start_new_session=True
    )


def test_a_real_write_is_a_point_and_a_kill_there_comes_before_it(tmp_path: Path) -> None:
    code = "inject.Points(2, inject.kill_now)\nfor n in '123': os.mkdir(os.path.join(sys.argv[1], n))\n"
    done = in_a_process(code, str(tmp_path))
    assert done.returncode == -signal.SIGKILL
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


@pytest.mark.parametrize("children", [True, False])
def test_a_kill_in_the_middle_spares_git_only_when_it_should(tmp_path: Path, children: bool) -> None:
    mark = tmp_path / "mark"
    code = (
        "child = subprocess.Popen(['sh', '-c', 'sleep 2; touch \"$0\"', sys.argv[1]], stdout=subprocess.DEVNULL,\n"
        "                         stderr=subprocess.DEVNULL)\n"
        f"inject.kill_soon(0.2, children={children})()\ntime.sleep(30)\n"
    )
    began = time.monotonic()
    done = in_a_process(code, str(mark))
    assert done.returncode == -signal.SIGKILL
    while not mark.exists() and time.monotonic() < began + 10:
        time.sleep(0.1)
        if children and time.monotonic() > began + 4:
            break
    assert mark.exists() != children


def test_a_kill_that_comes_too_late_is_none() -> None:
    code = "inject.kill_soon(0.3, children=True)()\nprint('done', flush=True)\nos._exit(0)\n"
    done = in_a_process(code)
    assert (done.returncode, done.stdout) == (0, "done\n")


def test_a_disk_is_filled_to_the_last_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = [3 * (1 << 20) + 2 * 4096 + 5]

    def write(handle: int, data: bytes) -> int:
        if len(data) > room[0]:
            raise OSError(28, "No space left on device")
        room[0] -= len(data)
        return len(data)

    monkeypatch.setattr(os, "write", write)
    inject.fill_disk(tmp_path)()
    assert room == [0]
    assert (tmp_path / "ballast").exists()


def test_without_a_disk_of_its_own_every_later_write_fails(tmp_path: Path) -> None:
    code = (
        "handle = open(sys.argv[1], 'w')\ninject.no_more_writes()\n"
        "try:\n    handle.write('x'); handle.flush()\nexcept OSError as error:\n    code = error.errno\n"
        "os._exit(code)\n"
    )
    assert in_a_process(code, str(tmp_path / "file")).returncode == 27  # EFBIG
    assert (tmp_path / "file").read_text() == ""


def test_the_limit_is_the_soft_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "signal", lambda number, action: None)  # of this very process
    set_to: list[object] = []
    monkeypatch.setattr(resource, "setrlimit", lambda which, limits: set_to.append((which, limits)))
    inject.no_more_writes()
    assert set_to == [(resource.RLIMIT_FSIZE, (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))]


def test_a_child_that_hangs_is_ended_and_told() -> None:
    code = (
        "from tools.faults import trial\ntrial.SECONDS = 0.3\n"
        "print(trial.in_child(lambda: time.sleep(60) or 0))\ntrial.SECONDS = 60\n"
        "print(trial.in_child(lambda: 1 / 0), trial.in_child(lambda: 5))\n"
    )
    done = in_a_process(code)
    assert done.stdout.split() == [str(trial.HUNG), str(trial.CRASHED), "5"]


def test_a_child_says_what_went_wrong_and_names_its_points(tmp_path: Path) -> None:
    code = (
        "import json, pathlib\nfrom release.errors import Refused\nfrom tools.faults import trial\n"
        "def refuse():\n    os.mkdir(sys.argv[1] + '/made')\n    raise Refused.because('x', 'not today')\n"
        "def fail():\n    raise OSError('no space left')\n"
        "log = pathlib.Path(sys.argv[1], 'log')\n"
        "codes = [trial.in_child(refuse, log=log), trial.in_child(fail, log=log)]\n"
        "print(json.dumps(codes))\n"
    )
    done = in_a_process(code, str(tmp_path))
    assert json.loads(done.stdout) == [1, 1]
    said = (tmp_path / "log").read_text()
    assert "not today" in said
    assert "no space left" in said
