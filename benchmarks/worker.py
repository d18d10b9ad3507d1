"""Time calls in this process, as told line by line on standard input: one side of a comparison.

Runs by path in any environment, with the standard library only. Every line in is one JSON object with an
`op`, every line out one JSON object with its answer, or with `error`.
"""

from __future__ import annotations

import hashlib  # noqa: F401, loaded on both sides before memory is measured
import importlib
import json
import os
import sys
import time
import timeit
from pathlib import Path
from typing import Any


class Worker:
    """The calls prepared so far, by name."""

    def __init__(self) -> None:
        self.calls: dict[str, Any] = {}

    def hello(self, imports: list[str], paths: list[str], open_files: int) -> dict[str, Any]:
        """Import modules and say which interpreter this is, and how long each import took."""
        _limit_open_files(open_files)
        for path in paths:
            sys.path.append(path)
        took = {}
        for name in imports:
            started = time.perf_counter()
            importlib.import_module(name)
            took[name] = time.perf_counter() - started
        return {"python": sys.version, "pid": os.getpid(), "imports": took}

    def prepare(self, name: str, function: str, args: Any, kwargs: Any, env: Any) -> dict[str, Any]:
        """Remember a call under a name."""
        module, _, attribute = function.partition(":")
        target = getattr(importlib.import_module(module), attribute)
        names = [f"a{index}" for index in range(len(args))]
        words = [f"{key}=k_{key}" for key in kwargs]
        space = {"f": target, **dict(zip(names, args)), **{f"k_{key}": kwargs[key] for key in kwargs}}  # noqa: B905
        setup = "; ".join(["_f = f", *(f"{key}_ = {key}" for key in space if key != "f")])
        passed = [key + "_" for key in names] + [word + "_" for word in words]
        timer = timeit.Timer(f"_f({', '.join(passed)})", setup, globals=space)
        self.calls[name] = (timer, target, args, kwargs, env)
        return {}

    def answer(self, name: str) -> dict[str, Any]:
        """Call once, say how long it took, and describe the result, so that the sides can be compared."""
        _, target, args, kwargs, env = self.calls[name]
        with _Environment(env):
            started = time.perf_counter()
            result = target(*args, **kwargs)
            took = time.perf_counter() - started
        return {"result": result.hexdigest() if hasattr(result, "hexdigest") else repr(result), "seconds": took}

    def calibrate(self, name: str, seconds: float) -> dict[str, Any]:
        """Return how many calls take about `seconds`."""
        timer, _, _, _, env = self.calls[name]
        loops = 1
        with _Environment(env):
            while True:
                took = timer.timeit(loops)
                if took >= seconds / 4:
                    return {"loops": max(1, round(loops * seconds / took))}
                loops *= 4

    def time(self, name: str, loops: int) -> dict[str, Any]:
        """Return the seconds one call takes, on average over `loops`."""
        timer, _, _, _, env = self.calls[name]
        with _Environment(env):
            return {"seconds": timer.timeit(loops) / loops}

    def memory(self, name: str) -> dict[str, Any]:
        """Return by how many bytes one call raises the peak of a fresh copy of this process."""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.write(writing, str(self._rise(name)).encode())
            finally:
                os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            text = pipe.read()
        os.waitpid(child, 0)
        if not text:
            raise RuntimeError("the call failed")
        return {"bytes": int(text)}

    def _rise(self, name: str) -> int:
        _, target, args, kwargs, env = self.calls[name]
        with _Environment(env):
            for key in ("VmRSS", "VmHWM", "RssFile"):  # looking takes memory too, the first time
                _status(key)
            _reset_peak()
            before, code_before = _status("VmRSS"), _status("RssFile")
            kept = target(*args, **kwargs)
            peak, code_after = _status("VmHWM"), _status("RssFile")
        del kept
        # A copy of a process maps code anew, as it comes to it: that is no memory of the call.
        return max(0, peak - before - max(0, code_after - code_before))

    def threads(self, name: str, count: int, seconds: float) -> dict[str, Any]:
        """Return the calls a second that `count` threads make together."""
        from threading import Barrier, Thread

        _, target, args, kwargs, _ = self.calls[name]
        barrier = Barrier(count + 1)
        totals = [0] * count

        def run(index: int) -> None:
            barrier.wait()
            stop = time.perf_counter() + seconds
            calls = 0
            while time.perf_counter() < stop:
                target(*args, **kwargs)
                calls += 1
            totals[index] = calls

        started = [Thread(target=run, args=(index,)) for index in range(count)]
        for thread in started:
            thread.start()
        barrier.wait()
        begin = time.perf_counter()
        for thread in started:
            thread.join()
        return {"per_second": sum(totals) / (time.perf_counter() - begin)}


class _Environment:
    """Set environment variables for a while, through the mapping that the functions read."""

    def __init__(self, wanted: dict[str, str]) -> None:
        self.wanted = wanted

    def __enter__(self) -> None:
        self.before = {key: os.environ.get(key) for key in self.wanted}
        os.environ.update(self.wanted)

    def __exit__(self, *_: object) -> None:
        for key, value in self.before.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value


def _limit_open_files(count: int) -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (count if hard < 0 else min(count, hard), hard))


def _reset_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def _status(key: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    raise OSError("no " + key + " in /proc/self/status")


def main() -> None:
    """Answer until the input ends; whatever the imported modules print goes to stderr."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    worker = Worker()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(worker, request.pop("op"))(**request)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        out.write(json.dumps(answer) + "\n")
        out.flush()


if __name__ == "__main__":
    main()
