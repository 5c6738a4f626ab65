"""Where each microsecond of a job goes, in every process: py-spy beside a run of the slow-LLM benchmark.

    python -m benchmarks.profile [--jobs 8000] [--latency 0.5] [--concurrency 1000] [--noop]

All jobs are submitted first. Dispatcher, worker and Redis are watched between the first and the last tenth of the
results. A process's CPU time is measured by the system, and shared out by the samples. Prints tables, and writes
benchmarks/results/profile.json. With --noop the model answers at once, without HTTP, as in the benchmark of queues;
that is only printed.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .contender import Setup
from .meter import Meter
from .pointsman_contender import PointsmanContender
from .processes import Processes, running, start_llm, start_redis
from .redis_costs import RedisCosts
from .report import Row, table, write
from .stacks import Frame, Sampling, by_function, by_part

SAMPLED = ("dispatcher", "worker")
WATCHED = (*SAMPLED, "redis")
NOOP_APP = "benchmarks.pointsman_noop"
FUNCTIONS = 25
FROM, UNTIL = 0.1, 0.9


@dataclass(frozen=True)
class Profile:
    """What one process did for each job: microseconds of CPU, and the stacks that were seen."""

    process: str
    us_per_job: float
    seen: Counter[tuple[Frame, ...]]

    def figures(self) -> dict[str, Any]:
        """Return microseconds per job by part and by function."""
        parts, own = by_part(self.seen), by_function(self.seen, inclusive=False)
        return {
            "us_per_job": round(self.us_per_job, 1),
            "samples": self.seen.total(),
            "parts": self._scaled(parts),
            "functions_alone": self._scaled(dict(list(own.items())[:FUNCTIONS])),
            "functions_with_what_they_call": self._scaled(
                dict(list(by_function(self.seen, inclusive=True).items())[: 3 * FUNCTIONS])
            ),
        }

    def _scaled(self, shares: dict[str, float]) -> dict[str, float]:
        return {name: round(share * self.us_per_job, 1) for name, share in shares.items()}


class Run:
    """One run of Pointsman that is watched."""

    def __init__(self, processes: Processes, options: argparse.Namespace) -> None:
        self._processes, self._jobs = processes, options.jobs
        self._meter = Meter(processes)
        self._contender = PointsmanContender(
            dispatchers=1, app=NOOP_APP if options.noop else "pointsman.workers.app"
        )
        self.redis_url = start_redis(processes)
        llm_url = start_llm(processes, options.latency)
        self._contender.open(Setup(processes, self.redis_url, llm_url, options.concurrency))

    def submit(self) -> Profile:
        """Submit all jobs from this process, and watch it."""
        sampling = Sampling(os.getpid(), self._processes.folder / "submitter.raw")
        time.sleep(1)  # py-spy takes a moment to look for the first time, and says nothing
        began = time.process_time()
        self._contender.submit([f"job {number}" for number in range(self._jobs)])
        used = time.process_time() - began
        return Profile("submitter", used / self._jobs * 1e6, sampling.stop())

    def watch(self) -> tuple[list[Profile], dict[str, Any], Row]:
        """Run the jobs; returns the profiles, what Redis did, and the speed."""
        worker = self._contender.start_worker()
        self._processes.until(worker, lambda: self._contender.ready in self._processes.log(worker))
        self._until(lambda done: done >= FROM * self._jobs)
        samplings = {
            role: Sampling(self._processes.pids(role)[0], self._processes.folder / f"{role}.raw")
            for role in SAMPLED
        }
        costs = RedisCosts(self.redis_url)
        began, first, before = time.perf_counter(), self._done(), self._cpu()
        self._until(lambda done: done >= UNTIL * self._jobs)
        seconds, jobs, after = time.perf_counter() - began, self._done() - first, self._cpu()
        redis_costs = costs.per_job(jobs)
        used = {role: (after[role] - before[role]) / jobs * 1e6 for role in WATCHED}
        profiles = [Profile(role, used[role], samplings[role].stop()) for role in SAMPLED]
        speed = {"jobs": jobs, "jobs_per_second": round(jobs / seconds, 1)}
        return profiles, {"us_per_job": round(used["redis"], 1), **redis_costs}, speed

    def _cpu(self) -> dict[str, float]:
        return {role: self._meter.cpu_seconds(role) for role in WATCHED}

    def _done(self) -> int:
        return self._jobs - self._contender.left()

    def _until(self, reached: Callable[[int], bool]) -> None:
        while not reached(self._done()):
            time.sleep(0.1)

    def close(self) -> None:
        """Close the connections."""
        self._contender.close()


def measure(options: argparse.Namespace, folder: Path) -> tuple[Row, dict[str, Any]]:
    """Return the speed of one run, and the figures of each process."""
    with running(folder) as processes:
        run = Run(processes, options)
        try:
            submitter = run.submit()
            profiles, redis_figures, speed = run.watch()
        finally:
            run.close()
    return speed, {
        **{profile.process: profile.figures() for profile in (submitter, *profiles)},
        "redis": redis_figures,
    }


def show(speed: Row, figures: dict[str, Any]) -> None:
    """Print a table for each process, and two for Redis."""
    sys.stdout.write(f"{speed['jobs_per_second']} jobs/s while watched\n")
    for process in ("submitter", *SAMPLED):
        found = figures[process]
        rows = [{"part": part, "us_per_job": spent} for part, spent in found["parts"].items()]
        sys.stdout.write(f"\n{process}: {found['us_per_job']} us per job\n{table(rows)}\n")
    found = figures["redis"]
    for kind in ("scripts", "commands"):
        rows = [{kind: name, **spent} for name, spent in found[kind].items()]
        sys.stdout.write(f"\nredis: {found['us_per_job']} us per job\n{table(rows)}\n")


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--jobs", type=int, default=8000)
    parser.add_argument("--latency", type=float, default=0.5, help="seconds that the LLM takes")
    parser.add_argument("--concurrency", type=int, default=1000, help="calls in flight in the worker")
    parser.add_argument("--noop", action="store_true", help="no LLM: the model answers at once")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as made:
        speed, figures = measure(options, Path(made))
    show(speed, figures)
    if not options.noop:
        write("profile", options=vars(options), rows=[{**speed, **figures}])


if __name__ == "__main__":
    main()
