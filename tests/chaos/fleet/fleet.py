"""The processes that faults break: Redis, the ledger server, two dispatchers, four workers, three models."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from pointsman.local.ports import free_port
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from tests.chaos.fleet.ledger import Ledger
from tests.chaos.fleet.redis_host import RedisHost
from tests.support.live import Parts

MODELS = ("a", "b", "c")
SLOTS = 16  # of each worker, shared by its models

EVERYTHING = "a,llm.b,llm.c"
DISPATCHERS = ("dispatcher-1", "dispatcher-2")


@dataclass(frozen=True)
class Shape:
    """What a fleet is made of. Faults of one shape share one fleet; another kind of Redis is another shape.

    `queues` says for each worker which models it serves, as `-Q llm.<...>` has it.
    """

    queues: tuple[str, ...] = (EVERYTHING,) * 4
    redis: type[RedisHost] = RedisHost


class Fleet:
    """All processes of one shape; `start` and `kill` know each by its name."""

    def __init__(self, folder: Path, shape: Shape, *, seed: int) -> None:
        folder.mkdir()
        self.shape, self.folder = shape, folder
        self.redis_host = shape.redis(folder / "redis")
        self.redis_host.start()
        self.ledger = Ledger(MODELS, seed)
        self.settings = _settings(self.redis_host.url)
        self.catalog = _catalog(self.ledger.urls)
        self._parts = Parts(self.settings, self.catalog, folder)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.queues = {f"worker-{at}": queues for at, queues in enumerate(shape.queues, 1)}
        for name in (*DISPATCHERS, *self.queues):
            self.start(name)

    @property
    def workers(self) -> list[str]:
        """The names of the workers."""
        return list(self.queues)

    @property
    def capacity(self) -> int:
        """How many slots all workers announce together."""
        return SLOTS * len(self.queues)

    def start(self, name: str, **environment: str) -> None:
        """Start a part that does not run."""
        if name in self.queues:
            process = self._parts.worker(self.queues[name], "-c", str(SLOTS), **environment)
        elif name in DISPATCHERS:
            process = self._parts.dispatcher()
        else:
            process = self._parts.start(sys.executable, "-m", "pointsman", "serve", name="api")
        self._running[name] = process

    def pid(self, name: str) -> int:
        """Return the process id of a part."""
        return self._running[name].pid

    def kill(self, name: str) -> int:
        """Kill a part with signal 9 and return its process id, once it is dead."""
        process = self._running[name]
        process.kill()
        process.wait()
        return process.pid

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a part a signal."""
        os.kill(self.pid(name), number)

    def ended(self, name: str) -> bool:
        """Whether a part has ended."""
        return self._running[name].poll() is not None

    def logs(self) -> str:
        """Return the last lines of every log."""
        return self._parts.logs()

    def log_of(self, name: str) -> str:
        """Return all that a part has said since it was started."""
        at = self._parts.processes.index(self._running[name])
        [path] = self.folder.glob(f"*-{at}.log")
        return path.read_text(errors="replace")

    def stop(self) -> None:
        """End every process."""
        self._parts.kill()
        self.ledger.stop()
        self.redis_host.stop()


def _settings(redis_url: str) -> Settings:
    return Settings(
        _env_file=None,
        redis_url=redis_url,
        key_prefix="chaos:",
        api_port=free_port(),
        lease_seconds=3,  # long enough that a busy machine holds up no renewal, short enough to wait for
        release_seconds=1,
        presence_seconds=4,
        upkeep_seconds=0.2,
        backoff_base_seconds=0.1,
        backoff_max_seconds=0.5,
        max_losses=50,  # a job that is done first, and again after each kill, may well meet five kills in a row
    )


def _catalog(urls: dict[str, str]) -> Catalog:
    """Three models of one class."""
    models = {
        name: {"format": "openai", "base_url": url, "upstream": name, "timeout_seconds": 8}
        for name, url in urls.items()
    }
    classes = {
        "any": {"models": [*MODELS], "keywords": ["whatever"]},
        "turns": {"models": [*MODELS], "strategy": "round_robin", "keywords": ["in turn"]},
    }
    return Catalog.model_validate({"models": models, "task_classes": classes, "default_class": "any"})
