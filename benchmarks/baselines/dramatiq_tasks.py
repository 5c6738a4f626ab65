"""dramatiq with a task that does nothing; results are kept: `dramatiq benchmarks.baselines.dramatiq_tasks`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend

from benchmarks.contender import Setup, results_url
from benchmarks.place_of_worker import environment, redis_url

MODULE = "benchmarks.baselines.dramatiq_tasks"
THREADS = 8
"""dramatiq's default for one process."""


def _broker(url: str) -> RedisBroker:
    """Return a broker that keeps results in a database of their own."""
    results = RedisBackend(url=results_url(url))
    made = RedisBroker(url=url)
    made.add_middleware(Results(backend=results, store_results=True))
    return made


broker = _broker(redis_url())
dramatiq.set_broker(broker)


@dramatiq.actor(broker=broker)
def noop(prompt: str) -> str:
    """Return at once."""
    return prompt


class DramatiqContender:
    """One dramatiq worker process."""

    name, settings = "dramatiq", f"{THREADS} threads, results"
    ready = "is ready for action"

    def open(self, setup: Setup) -> None:
        """Remember the place."""
        self._setup, self._submitted = setup, 0
        self._results = redis.Redis.from_url(setup.results_url)

    def start_worker(self) -> subprocess.Popen[bytes]:
        """Start one worker process."""
        command = [sys.executable, "-m", "dramatiq", MODULE, "--processes", "1", "--threads", str(THREADS)]
        return self._setup.processes.start(command, name="worker", environment=environment(self._setup))

    def submit(self, prompts: Sequence[str]) -> list[str]:
        """Enqueue a message for each prompt."""
        self._submitted += len(prompts)
        sender = _broker(self._setup.redis_url)
        sender.declare_queue(noop.queue_name)
        return [sender.enqueue(noop.message(prompt)).message_id for prompt in prompts]

    def left(self) -> int:
        """Return the messages less the results."""
        return self._submitted - int(self._results.dbsize())

    def close(self) -> None:
        """Close the connection."""
        self._results.close()
