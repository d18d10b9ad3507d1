"""A package index on loopback: pypiserver on a port the system chooses, printed on the first line.

Run as a program by the rehearsal: `python -m release.rehearsal.index FOLDER`.
"""

from __future__ import annotations

import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pypiserver  # type: ignore[import-not-found, import-untyped, unused-ignore]


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep requests out of the output."""


def main(folder: str) -> None:
    """Serve `folder` until the process is ended; anybody on this machine may upload."""
    app = pypiserver.app(roots=[folder], authenticate=[], password_file=".", disable_fallback=True)  # noqa: S106
    with make_server("127.0.0.1", 0, app, handler_class=_Quiet) as server:
        print(server.server_port, flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
