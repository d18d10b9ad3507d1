"""Prometheus, real and misbehaving: raw deltas, and a clear refusal for everything that is no answer."""

from __future__ import annotations

import contextlib
import http.server
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from release.rollout import prometheus
from release.rollout.gate import EvidenceError
from release.rollout.prometheus import PrometheusError, Server

Answer = Callable[[http.server.BaseHTTPRequestHandler], None]


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], str]]:
    servers: list[http.server.ThreadingHTTPServer] = []

    def start(answer: Answer) -> str:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                answer(self)

            def log_message(self, *arguments: Any) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def sending(body: bytes, status: int = 200) -> Answer:
    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        with contextlib.suppress(ConnectionError):  # the client may have had enough
            handler.wfile.write(body)

    return answer


def matrix(*series: Any) -> bytes:
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": series}}).encode()


def series(outcome: str, values: list[tuple[float, str]], cohort: str = "rust", instance: str = "a") -> Any:
    return {"metric": {"cohort": cohort, "outcome": outcome, "instance": instance}, "values": values}


def ask(url: str, timeout: float = 5) -> Any:
    return Server(url, timeout).evidence("demo-1.0", 1000, since=1000, now=1100)


def test_raw_deltas_over_restarts_and_from_before_the_stage(serve: Any) -> None:
    url = serve(
        sending(
            matrix(
                series("finished", [(1000, "7"), (1010, "9"), (1020, "1"), (1030, "4")]),
                series("finished", [(1050, "5")], instance="b"),
                series("started", [(1010, "5")], instance="b"),
                series("crashed", [(1050, "0"), (1060, "1")]),
                series("finished", [(1020, "3")], cohort="python"),
            )
        )
    )
    found = ask(url)
    assert found.rust.units == (9 - 7) + 1 + 3 + 5 + 1
    assert (found.rust.crashes, found.rust.hosts, found.python.units) == (1, 1, 3)


def test_no_series_is_no_data(serve: Any) -> None:
    found = ask(serve(sending(matrix())))
    assert (found.rust.units, found.python.units) == (0, 0)


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"<html><title>Sign in</title></html>", 200, "not a Prometheus server.*Sign in"),
        (b"", 200, "not a Prometheus server"),
        (b"[" * 100_000, 200, "not a Prometheus server"),
        (b'{"status":"success"}', 200, "not a Prometheus server"),
        (b'{"status":"error","errorType":"execution","error":"too many"}', 422, "answered 422: execution: too many"),
        (b"<html>Bad gateway</html>", 502, "answered 502"),
        (b'{"status":"success","data":{"resultType":"vector","result":[]}}', 200, "answered"),
        (matrix({"metric": {"cohort": "x", "outcome": "y"}, "values": []}), 200, "has the labels"),
    ],
)
def test_answers_that_are_none(serve: Any, body: bytes, status: int, said: str) -> None:
    with pytest.raises(PrometheusError, match=f"(?s){said}"):
        ask(serve(sending(body, status)))


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-1", "1.5", "x", None, [1]])
def test_values_that_are_no_counts(serve: Any, value: Any) -> None:
    with pytest.raises(EvidenceError, match=r"Prometheus sent"):
        ask(serve(sending(matrix(series("finished", [(1010, value)])))))


def test_a_server_that_is_down() -> None:
    with pytest.raises(PrometheusError, match="does not answer"):
        ask("http://127.0.0.1:1")


def test_a_server_that_is_slow(serve: Any) -> None:
    stop = threading.Event()
    url = serve(lambda handler: stop.wait(10) and None)
    began = time.monotonic()
    with pytest.raises(PrometheusError, match="does not answer"):
        ask(url, timeout=0.3)
    assert time.monotonic() - began < 8
    stop.set()


def test_an_answer_without_end_is_not_read_to_the_end(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prometheus, "LARGEST", 1000)
    with pytest.raises(PrometheusError, match="more than"):
        ask(serve(sending(b"x" * 5000)))


@pytest.mark.parametrize("url", ["", "localhost:9090", "file:///etc/passwd", "ftp://x", "http://", "--help"])
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(PrometheusError, match="not the address of a server"):
        ask(url)


@pytest.mark.slow
def test_the_rehearsal_from_exporter_to_verdict() -> None:
    """Real exporters, a real Prometheus with a one-second scrape, two promotions and a rollback, all by commits."""
    from release.rollout.rehearse import rehearse

    assert shutil.which("prometheus"), "Prometheus is needed: apt-get install prometheus"
    said: list[str] = []
    rehearse(said.append)
    text = "\n".join(said)
    assert text.count("the same verdict") == 3
    assert "Roll back sky-rs 0.1.0 to 0 %" in text
