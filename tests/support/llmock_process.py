"""Runs the PyPI package llmock, a mock of all three vendors, as a process of its own."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

START_SECONDS = 20.0


class LLMockProcess:
    """A running llmock: the base_url of each format, and a way to script its next answers."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.base_urls = {"openai": f"{url}/v1", "anthropic": f"{url}/anthropic", "gemini": f"{url}/gemini"}

    def script(self, **behaviour: Any) -> None:
        """Queue one behaviour, such as type="fail", status=429."""
        self._post("/_llmock/scenario", {"behaviors": [behaviour]})

    def reset(self) -> None:
        """Forget what was scripted."""
        self._post("/_llmock/reset", {})

    def _post(self, path: str, body: Any) -> None:
        request = urllib.request.Request(self.url + path, json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=5):
            pass


@contextmanager
def running_llmock(*options: str) -> Iterator[LLMockProcess]:
    """Serve on a free port until the end of the block, then stop that process and no other."""
    port = _free_port()
    command = [sys.executable, "-m", "llmock.cli", "serve", "--port", str(port), "--log-level", "warning", *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        server = LLMockProcess(f"http://127.0.0.1:{port}")
        _wait_until_healthy(server.url, process)
        yield server
    finally:
        process.terminate()
        process.wait(timeout=10)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_healthy(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=1):
                return
        except (urllib.error.URLError, OSError):
            # Another process gives no event to wait for; this is the shortest polite poll.
            time.sleep(0.05)
    raise RuntimeError(f"llmock did not start (exit status {process.poll()})")
