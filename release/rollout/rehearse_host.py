"""One host of the rehearsal: decides by the real flag file, counts real units, exports them on loopback.

    python -m release.rollout.rehearse_host EVIDENCE_FOLDER INJECT_FILE

Every unit is one real `start()` and `finish()` of the evidence library. While INJECT_FILE exists, a fifth of the
units in the Rust cohort go wrong. The port is printed on the first line; the host stops when stdin is closed.
"""

from __future__ import annotations

import random
import sys
import threading
import time
from pathlib import Path

UNITS_A_SECOND = 40


def main(folder: str, inject: str) -> None:
    """Run until stdin is closed."""
    import prometheus_client

    from sky.utils import rust_evidence

    rust_evidence.export(folder)
    server, _ = prometheus_client.start_http_server(0, "127.0.0.1")
    print(server.server_port, flush=True)
    closed = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        closed.set()

    threading.Thread(target=wait, daemon=True).start()
    dice = random.Random(folder)  # noqa: S311
    while not closed.wait(1 / UNITS_A_SECOND):
        if not rust_evidence.start(folder):
            time.sleep(0.1)
            continue
        unit = rust_evidence._unit
        if unit is not None and unit.labels["cohort"] == "rust" and Path(inject).exists() and dice.random() < 0.2:
            rust_evidence.mark_error()
        rust_evidence.finish()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
