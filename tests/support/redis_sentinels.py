"""Runs a primary, replicas and three sentinels for tests, each a real process on loopback."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis

from pointsman.local.embedded_redis import redis_server_binary
from pointsman.local.ports import free_port
from tests.support.redis_server import RedisServer, running_redis, start_server, stop_server

SERVICE = "pointsman"
SENTINELS = 3
NOBODY = 1
"""A port that nobody listens on."""
NOTICE_MILLISECONDS = 1000
"""How long a primary must be silent before a sentinel takes it for dead."""
SECONDS_AT_MOST = 30.0

CONFIG = """
port {port}
bind 127.0.0.1
dir {folder}
sentinel monitor {service} 127.0.0.1 {primary} 2
sentinel down-after-milliseconds {service} {notice}
sentinel failover-timeout {service} 3000
"""


@dataclass(frozen=True)
class Sentinels:
    """A primary and a replica behind three sentinels."""

    primary: RedisServer
    replica: RedisServer
    ports: Sequence[int]

    @property
    def url(self) -> str:
        """The URL that all parts get; its first sentinel is down."""
        return f"sentinel://{','.join(f'127.0.0.1:{port}' for port in (NOBODY, *self.ports))}/{SERVICE}/0"

    def silence_primary(self, how: signal.Signals) -> None:
        """Kill the first primary, or stop it where it stands."""
        os.kill(self.primary.pid, how)

    def guard(self, on: bool) -> None:
        """Let the primary refuse writes while no replica follows it, or not."""
        with _client(self.primary.port) as client:
            client.config_set("min-replicas-to-write", int(on))

    def fail_over(self) -> None:
        """Ask for the clean change that an operator would ask for."""
        with _client(self.ports[0]) as client:
            client.execute_command("SENTINEL FAILOVER", SERVICE)

    def until_replicated(self) -> None:
        """Return once the replica has acknowledged everything that was written until now."""
        with _client(self.primary.port) as client:
            until(lambda: client.wait(1, 500) == 1, "an acknowledgement of the replica")

    def until_replica_leads(self) -> None:
        """Return once every sentinel names the replica as the primary."""
        until(lambda: {_primary_port(port) for port in self.ports} == {self.replica.port}, "a failover")


@contextmanager
def running_sentinels(folder: Path) -> Iterator[Sentinels]:
    """Run all five inside the block; ready when each sentinel knows the replica and the other sentinels."""
    with ExitStack() as stack:
        for name in ("primary", "replica"):
            (folder / name).mkdir()
        primary = stack.enter_context(running_redis(folder / "primary", options={"repl-diskless-sync-delay": "0"}))
        replica = stack.enter_context(running_redis(folder / "replica"))
        with _client(replica.port) as client:
            client.replicaof("127.0.0.1", primary.port)
        ports = [_sentinel(stack, folder, primary.port) for _ in range(SENTINELS)]
        until(lambda: all(map(_is_ready, ports)), "sentinels that know each other")
        yield Sentinels(primary, replica, ports)


def _sentinel(stack: ExitStack, folder: Path, primary: int) -> int:
    port = free_port()
    own = folder / f"sentinel-{port}"
    own.mkdir()
    text = CONFIG.format(port=port, folder=own, service=SERVICE, primary=primary, notice=NOTICE_MILLISECONDS)
    (own / "sentinel.conf").write_text(text, encoding="utf-8")
    process = start_server([str(redis_server_binary()), str(own / "sentinel.conf"), "--sentinel"], port=port)
    stack.callback(stop_server, process)
    return port


def _client(port: int) -> redis.Redis:
    return redis.Redis(port=port, socket_timeout=1, decode_responses=True)


def _is_ready(port: int) -> bool:
    with _client(port) as client:
        state = client.sentinel_master(SERVICE)
    return bool(state["num-slaves"] == 1 and state["num-other-sentinels"] == SENTINELS - 1)


def _primary_port(port: int) -> int:
    with _client(port) as client:
        return int(client.sentinel_master(SERVICE)["port"])


def until(check: Callable[[], bool], what: str) -> None:
    """Return once `check` is true; fails the test when it is not in time."""
    end = time.monotonic() + SECONDS_AT_MOST
    while not check():
        assert time.monotonic() < end, f"not within {SECONDS_AT_MOST:.0f} s: {what}"
        time.sleep(0.05)
