"""A small HTTP server on a free loopback port that records requests and behaves as it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Seen:
    """One request as it came over the wire; header names are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: Any


Behaviour = Callable[[BaseHTTPRequestHandler], None]


class Loopback:
    """The server's address, what it has seen, and how it answers."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.seen: list[Seen] = []
        self.behave: Behaviour = replying(200, {})


def replying(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Behaviour:
    """Answer with a status and a body: bytes as they are, anything else as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        given = {"Content-Type": "application/json", "Content-Length": str(len(content)), **(headers or {})}
        for name, value in given.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(content)

    return behave


def _handler(loopback: Loopback) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            loopback.seen.append(Seen(self.path, headers, json.loads(body) if body else None))
            loopback.behave(self)

        do_GET = do_POST

        def log_message(self, format: str, *args: Any) -> None:
            """Keep the test's output clean."""

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is part of the tests."""


@contextmanager
def running_loopback() -> Iterator[Loopback]:
    """Serve until the end of the block."""
    server = _Server(("127.0.0.1", 0), BaseHTTPRequestHandler)
    loopback = Loopback(server.server_port)
    server.RequestHandlerClass = _handler(loopback)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield loopback
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
