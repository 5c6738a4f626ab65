"""Measures one contender's speed: jobs a second, CPU per job in each process, memory, calls in flight."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx

from .contender import Contender, Setup
from .llm_server import ALL
from .meter import Meter
from .processes import Processes, running, start_llm, start_redis
from .report import Row

LOOK_SECONDS = 0.05
ROLES = ("worker", "dispatcher", "redis")
STUCK_SECONDS = 60.0


@dataclass(frozen=True)
class Work:
    """What everybody has to do with one worker process; `queued_first`: the jobs are there before the worker."""

    jobs: int
    concurrency: int
    latency: float = 0.0
    queued_first: bool = False


def measure(contender: Contender, work: Work, folder: Path) -> Row:
    """Run one contender and return its figures."""
    with running(folder) as processes:
        setup = Setup(processes, start_redis(processes), start_llm(processes, work.latency), work.concurrency)
        contender.open(setup)
        try:
            figures = _Run(contender, processes, work).figures()
        finally:
            contender.close()
        most = httpx.get(f"{setup.llm_url}/most_in_flight").json().get(ALL, 0)
    return {"queue": contender.name, "settings": contender.settings, **figures, "in_flight": most}


class _Run:
    def __init__(self, contender: Contender, processes: Processes, work: Work) -> None:
        self._contender, self._processes, self._work = contender, processes, work
        self._meter = Meter(processes)
        self._most_megabytes = 0.0

    def figures(self) -> Row:
        if self._work.queued_first:
            submitted = self._submit()
            self._start_worker()
            self._until(lambda left: left < self._work.jobs)
        else:
            self._start_worker()
        began, cpu, done = time.perf_counter(), self._cpu(), 0
        if self._work.queued_first:
            done = self._work.jobs - self._contender.left()
        else:
            submitted = self._submit()
        self._until(lambda left: left <= 0)
        seconds = time.perf_counter() - began
        return self._row(seconds, self._work.jobs - done, submitted, before=cpu)

    def _submit(self) -> tuple[float, float]:
        """Submit all jobs; returns the seconds and the CPU seconds that it took."""
        began, cpu = time.perf_counter(), time.process_time()
        self._contender.submit([f"job {number}" for number in range(self._work.jobs)])
        return time.perf_counter() - began, time.process_time() - cpu

    def _start_worker(self) -> None:
        worker = self._contender.start_worker()
        self._processes.until(worker, lambda: self._contender.ready in self._processes.log(worker))

    def _until(self, reached: Callable[[int], bool]) -> None:
        left, moved = self._contender.left(), time.monotonic()
        while not reached(left):
            time.sleep(LOOK_SECONDS)
            self._most_megabytes = max(self._most_megabytes, self._meter.megabytes("worker"))
            now_left = self._contender.left()
            if now_left != left:
                left, moved = now_left, time.monotonic()
            if time.monotonic() - moved > STUCK_SECONDS:
                raise RuntimeError(
                    f"{self._contender.name} is stuck with {left} jobs left; {self._processes.folder}"
                )

    def _cpu(self) -> dict[str, float]:
        return {role: self._meter.cpu_seconds(role) for role in ROLES}

    def _row(self, seconds: float, jobs: int, submitted: tuple[float, float], *, before: dict[str, float]) -> Row:
        used = {role: (now - before[role]) / jobs * 1000 for role, now in self._cpu().items()}
        return {
            "jobs_per_second": round(jobs / seconds, 1),
            **{f"{role}_ms": round(ms, 3) for role, ms in used.items()},
            "submit_ms": round(submitted[1] / self._work.jobs * 1000, 3),
            "submit_per_second": round(self._work.jobs / submitted[0], 1),
            "worker_mb": round(self._most_megabytes),
        }


def in_turns(contenders: Sequence[Callable[[], Contender]], work: Work, folder: Path, *, rounds: int) -> list[Row]:
    """Measure everybody in turn, several times; returns medians, and the spread of jobs a second."""
    seen: list[list[Row]] = [[] for _ in contenders]
    for turn in range(rounds):
        for number, make in enumerate(contenders):
            seen[number].append(measure(make(), work, folder / f"{turn}-{number}"))
    rows = [_medians(rows) for rows in seen]
    return [{**row, "times": round(row["jobs_per_second"] / rows[0]["jobs_per_second"], 2)} for row in rows]


def _medians(rows: Sequence[Row]) -> Row:
    rates = [row["jobs_per_second"] for row in rows]
    middle = {
        name: value if isinstance(value, str) else round(median(row[name] for row in rows), 3)
        for name, value in rows[0].items()
    }
    return {**middle, "spread": f"{min(rates):g}-{max(rates):g}"}
