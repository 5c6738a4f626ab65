"""One run of one contender: its own Redis, LLM server and workers, and what is seen from outside of it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx

from .contender import Faulted, Setup
from .llm_server import Call
from .processes import Processes, kill, running, start_llm, start_redis
from .results import Results

LOOK_SECONDS = 0.5


@dataclass(frozen=True)
class Size:
    """How much work for how many; `latency` is the LLM's, in seconds."""

    jobs: int
    workers: int
    concurrency: int
    latency: float


class Arena:
    """What a fault needs to know and to do."""

    def __init__(
        self, contender: Faulted, processes: Processes, size: Size, *, redis_url: str, llm_url: str
    ) -> None:
        self.contender, self.size = contender, size
        self._processes = processes
        self._llm = httpx.Client(base_url=llm_url, timeout=60)
        self.results = Results(redis_url)
        self.workers: list[subprocess.Popen[bytes]] = []
        self.ids: list[str] = []

    def start_workers(self) -> None:
        """Start all workers and wait until they take jobs."""
        for _ in range(self.size.workers):
            self.workers.append(self.contender.start_worker())
        for worker in self.workers:
            self._processes.until(worker, partial(self.ready, worker))

    def ready(self, worker: subprocess.Popen[bytes]) -> bool:
        """Whether a worker takes jobs."""
        return self.contender.ready in self._processes.log(worker)

    def replace(self, worker: subprocess.Popen[bytes]) -> float:
        """Kill a worker, start another in its place, and return when it was killed."""
        killed = time.time()
        kill(worker)
        self.workers[self.workers.index(worker)] = self.contender.start_worker()
        return killed

    def submit(self) -> None:
        """Submit the jobs, each with a prompt that no other has."""
        self.ids = self.contender.submit([f"job {number}" for number in range(self.size.jobs)])

    def unfinished(self) -> set[str]:
        """Return the jobs that have no result yet."""
        return set(self.ids) - self.results.times.keys()

    def until_over(self) -> None:
        """Wait until every job has a result, or no more can be expected.

        Nothing is expected once nothing happened for `back_seconds`, or for a while where the queue holds no job.
        """
        left, moved = len(self.unfinished()), time.monotonic()
        while left:
            time.sleep(LOOK_SECONDS)
            now_left = len(self.unfinished())
            if now_left != left:
                left, moved = now_left, time.monotonic()
            quiet = time.monotonic() - moved
            if quiet > self.contender.back_seconds + 2 * self.size.latency:
                return
            if quiet > 10 * self.size.latency + 3 and not self.unfinished() & self.contender.held():
                return

    def calls(self) -> list[Call]:
        """Return every call so far, in the order of arrival."""
        return [Call(**call) for call in self._llm.get("/calls").json()]

    def refuse(self, *, seconds: float, retry_after: int) -> float:
        """Let the LLM refuse everybody for a while; returns when it ends."""
        body = {"seconds": seconds, "retry_after": retry_after}
        return float(self._llm.post("/refuse", json=body).json()["refused_until"])

    def wait_until(self, check: Callable[[], bool]) -> None:
        """Wait for something that is going to happen, or for the end of the jobs."""
        while not check() and self.unfinished():
            time.sleep(0.05)

    def close(self) -> None:
        """Stop listening."""
        self.results.close()
        self._llm.close()


@contextmanager
def arena(contender: Faulted, size: Size, folder: Path) -> Iterator[Arena]:
    """Yield a contender without workers yet: jobs are submitted first, so that all have as many to do."""
    with running(folder) as processes:
        redis_url, llm_url = start_redis(processes), start_llm(processes, size.latency)
        contender.open(Setup(processes, redis_url, llm_url, size.concurrency))
        found = Arena(contender, processes, size, redis_url=redis_url, llm_url=llm_url)
        try:
            yield found
        finally:
            found.close()
            contender.close()


def quantile(values: Sequence[float], share: float) -> float | None:
    """Return the value below which `share` of the values lie, or None where there are none."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else None
