"""What grows with the size of an installation, and what does not: workers, dispatchers, backlog, models and lanes.

    python -m benchmarks.scale [--only workers,dispatchers,backlog,models] [--million] [--jobs 2000] [--rounds 3]

Each size is an installation of its own, with its own Redis; all of a row of sizes stand side by side and are
measured in turn. A measurement is 2 000 jobs whose model answers at once, from first submit to last end. The
backlog waits for a model that is paused and for one without workers, half and half. Prints tables, and writes
benchmarks/results/scale-*.json. A backlog of a million takes some minutes and 2 GB of memory.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import redis

from pointsman import Client
from pointsman.router.vocabulary.job import JobSpec

from .installation import Installation, catalog_of, log_of
from .pointsman_contender import count_open
from .processes import Processes, running, start_redis
from .prompts import Prompts, add_option, real_prompts
from .report import Row, table, write
from .timed_dispatcher import COMMAND, TimedRound, rounds_in
from .watched import Watched

NOOP_APP = "benchmarks.pointsman_noop"
NOWHERE = "http://127.0.0.1:1"
SLOTS = 600
PORTION = 2000
LOOK_SECONDS = 0.02
STUCK_SECONDS = 120.0


@dataclass(frozen=True)
class Shape:
    """One installation."""

    label: str
    workers: int = 1
    dispatchers: int = 1
    backlog: int = 0
    models: int = 1
    lanes: int = 1


SHAPES: Mapping[str, Sequence[Shape]] = {
    "workers": [Shape(f"{count} workers", workers=count) for count in (1, 2, 4)],
    "dispatchers": [Shape(f"{count} dispatchers", dispatchers=count, workers=2) for count in (1, 2, 3)],
    "backlog": [Shape(f"backlog {count}", backlog=count) for count in (1000, 10_000, 100_000)],
    "models": [Shape("3 models, 3 lanes", models=3, lanes=3), Shape("50 models, 200 lanes", models=50, lanes=200)],
}
MILLION = Shape("backlog 1000000", backlog=1_000_000)


@dataclass
class Site:
    """One installation that runs, and what was measured of it."""

    shape: Shape
    folder: Path
    installation: Installation
    client: Client
    redis: redis.Redis
    bytes_per_queued_job: float | None = None
    rates: list[float] = field(default_factory=list)
    rounds: list[TimedRound] = field(default_factory=list)

    def fill(self, prompts: Prompts) -> None:
        """Submit the backlog, and note what it takes of memory."""
        before, specs = self._bytes(), []
        for number, prompt in enumerate(prompts.cut(self.shape.backlog)):
            model = ("paused", "unserved")[number % 2]
            specs.append(JobSpec(prompt=prompt, model=model, tenant=f"tenant-{number % 3}"))
            if len(specs) == PORTION or number + 1 == self.shape.backlog:
                self.client.submit_many(specs)
                specs = []
        self.bytes_per_queued_job = round((self._bytes() - before) / self.shape.backlog)

    def forget(self) -> None:
        """Forget what was measured so far."""
        self.rates, self.rounds = [], []

    def _bytes(self) -> int:
        return int(self.redis.info("memory")["used_memory"])  # type: ignore[index] # redis-py types are of both clients

    def measure(self, jobs: int) -> None:
        """Run so many jobs on top of the backlog."""
        specs = [JobSpec(prompt=f"job {at}", tenant=f"t-{at % self.shape.lanes}") for at in range(jobs)]
        waiting, since, began = count_open(self.redis), time.time(), time.perf_counter()
        self.client.submit_many(specs)
        while count_open(self.redis) > waiting:
            time.sleep(LOOK_SECONDS)
            if time.perf_counter() - began > STUCK_SECONDS:
                raise RuntimeError(f"{self.shape.label} is stuck; {self.folder}")
        self.rates.append(jobs / (time.perf_counter() - began))
        for path in log_of(self.folder, "dispatcher"):
            self.rounds += rounds_in(path, since=since)

    def row(self, first: Site) -> Row:
        """Return the figures, and how they compare with those of the first."""
        pairs = [ours / theirs for ours, theirs in zip(self.rates, first.rates, strict=True)]
        binding, first_binding = self._round_ms(binding=True), first._round_ms(binding=True)
        seconds, bound = sum(one.seconds for one in self.rounds), sum(one.bound for one in self.rounds)
        return {
            "size": self.shape.label,
            "jobs_per_second": round(median(self.rates), 1),
            "times": round(median(pairs), 2),
            "spread": f"{min(pairs):.2f}-{max(pairs):.2f}",
            "round_p50_ms": round(binding, 2),
            "round_times": round(binding / first_binding, 2),
            "round_without_bind_p50_ms": round(self._round_ms(binding=False), 2),
            "rounds_us_per_job": round(seconds / max(bound, 1) * 1e6),
            "bytes_per_queued_job": self.bytes_per_queued_job,
        }

    def _round_ms(self, *, binding: bool) -> float:
        return 1000 * median(one.seconds for one in self.rounds if bool(one.bound) is binding)

    def close(self) -> None:
        """Close the connections."""
        self.client.close()
        self.redis.close()


def start(shape: Shape, processes: Processes, prompts: Prompts) -> Site:
    """Start one installation, its backlog first: nobody has to look at each of its jobs as it comes."""
    url = start_redis(processes)
    each = max(1, SLOTS // shape.models // shape.workers)
    served = [f"m{at}" for at in range(shape.models)]
    names = [*served, *(["paused", "unserved"] if shape.backlog else [])]
    catalog = catalog_of({name: {} for name in names}, NOWHERE, routed=served, worker_concurrency=each)
    installation = Installation(processes, url, catalog)
    client = redis.Redis.from_url(url, decode_responses=True)
    site = Site(shape, processes.folder, installation, installation.client(), client)
    if shape.backlog:
        asyncio.run(_pause(installation))
        site.fill(prompts)
    workers = [installation.start_worker(served, app=NOOP_APP) for _ in range(shape.workers)]
    for _ in range(shape.dispatchers):
        installation.start_dispatcher(COMMAND)
    for worker in workers:
        installation.until_ready(worker)
    return site


async def _pause(installation: Installation) -> None:
    watched = Watched(installation)
    await watched.models.pause("paused", "the backlog of a benchmark waits for it")
    await watched.close()


def measure(shapes: Sequence[Shape], options: argparse.Namespace, folder: Path) -> list[Row]:
    """Measure all shapes in turn; the first turn does not count."""
    prompts, sites = real_prompts(options.prompts), list[Site]()
    with ExitStack() as stack:
        for number, shape in enumerate(shapes):
            site = start(shape, stack.enter_context(running(folder / str(number))), prompts)
            stack.callback(site.close)
            sites.append(site)
        for turn in range(options.rounds + 1):
            for site in sites:
                site.measure(options.jobs)
                if turn == 0:
                    site.forget()
        return [site.row(sites[0]) for site in sites]


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(SHAPES), help=",".join(SHAPES))
    parser.add_argument("--million", action="store_true", help="a backlog of a million jobs too")
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    add_option(parser)
    options = parser.parse_args()
    recorded = {**vars(options), "prompts_are": real_prompts(options.prompts).source}
    with tempfile.TemporaryDirectory(prefix="bench-") as made:
        for name in options.only:
            shapes = [*SHAPES[name], *([MILLION] if name == "backlog" and options.million else [])]
            rows = measure(shapes, options, Path(made) / name)
            sys.stdout.write(f"{name}\n{table(rows)}\n\n")
            sys.stdout.flush()
            write(f"scale-{name}", options=recorded, rows=rows)


if __name__ == "__main__":
    main()
