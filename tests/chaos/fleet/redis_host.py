"""The Redis of a fleet: a real server on one port that is killed, frozen, cut back and started again."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack
from pathlib import Path

from pointsman.local.ports import free_port
from tests.chaos.fleet.shifted_clock import ShiftedClock
from tests.support.redis_server import RedisServer, running_redis


class RedisHost:
    """One server. What stands in for it, such as a primary with replicas and sentinels, has the same methods."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder, self._port = folder, free_port()
        self._stack = ExitStack()
        self._server: RedisServer | None = None

    @property
    def url(self) -> str:
        """What goes into POINTSMAN_REDIS_URL."""
        return f"redis://127.0.0.1:{self._port}/0"

    def start(self, appendfsync: str = "always") -> None:
        """Start the server with what its folder holds."""
        options = {"appendonly": "yes", "appendfsync": appendfsync, "auto-aof-rewrite-percentage": "0"}
        server = running_redis(self._folder, port=self._port, options=options, environment=self._environment())
        self._server = self._stack.enter_context(server)

    def _environment(self) -> dict[str, str]:
        """Return what the server gets in its environment beside what there is."""
        return {}

    def end(self, how: signal.Signals) -> None:
        """End the server by a signal, and wait until it is gone."""
        self._signal(how)
        self._stack.close()
        self._server = None

    def freeze(self) -> None:
        """Stop the server's process where it stands."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._server is not None, "the server does not run"
        os.kill(self._server.pid, number)

    @property
    def written(self) -> int:
        """How many bytes its append-only file has."""
        return self._file.stat().st_size

    def cut(self, size: int) -> None:
        """Take from the stopped server what it wrote after `size`, as a loss of power before the sync does."""
        os.truncate(self._file, size)

    @property
    def _file(self) -> Path:
        [found] = self._folder.rglob("*.incr.aof")
        return found

    def stop(self) -> None:
        """Stop the server, wherever it stands."""
        if self._server is not None:
            self.thaw()
        self._stack.close()
        self._server = None


class RedisWithClock(RedisHost):
    """A server whose host's clock can be set."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.clock = ShiftedClock(folder)

    def _environment(self) -> dict[str, str]:
        return self.clock.environment
