"""What a queue adds to a call: from submit to the result at the caller, less the LLM's own time for that call.

    python -m benchmarks.latency [--one-by-one 100] [--per-second 50] [--seconds 15] [--rounds 2]

First one job at a time, then jobs at a steady rate whatever the answers do; Pointsman and plain Celery in turn,
each with processes of its own. Celery's callers are threads, with `send_task(...).get()`; Pointsman's share one
client, straight to Redis; both wait by pub/sub. Prints a table, and writes benchmarks/results/latency.json.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Protocol

import httpx

from .arena import quantile
from .baselines.celery_httpx.contender import CeleryContender
from .baselines.celery_httpx.options import Options
from .contender import Contender, Setup
from .llm_server import Call
from .pointsman_contender import PointsmanContender
from .processes import running, start_llm, start_redis
from .report import Row, table, write

CONCURRENCY = 100
WARM_UP = 20
TIMEOUT_SECONDS = 60.0


class Asks(Protocol):
    """A caller that submits one job and waits for its result."""

    async def ask(self, prompt: str) -> None:
        """Return once the result is here."""

    async def close(self) -> None:
        """Let go of all connections."""


class PointsmanAsks:
    """One client for all jobs."""

    def __init__(self, contender: PointsmanContender) -> None:
        self._client = contender.async_client()

    async def ask(self, prompt: str) -> None:
        """Submit, and wait for the result."""
        await self._client.result(await self._client.submit(prompt), timeout=TIMEOUT_SECONDS)

    async def close(self) -> None:
        """Close the client."""
        await self._client.close()


class CeleryAsks:
    """A thread for each job in flight, as a web server would have."""

    def __init__(self, contender: CeleryContender) -> None:
        self._contender = contender
        self._threads = ThreadPoolExecutor(CONCURRENCY)

    async def ask(self, prompt: str) -> None:
        """Publish the task and get its result in a thread."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._threads, self._contender.ask, prompt, TIMEOUT_SECONDS)

    async def close(self) -> None:
        """End the threads."""
        self._threads.shutdown()


@dataclass(frozen=True)
class Seen:
    """One job: seconds from submit to the call, and from the LLM's answer to the result."""

    before: float
    after: float


def measure(make: Callable[[], Contender], options: argparse.Namespace, folder: Path) -> list[list[Seen]]:
    """Return what was seen of each job, one by one and at a rate."""
    with running(folder) as processes:
        setup = Setup(processes, start_redis(processes), start_llm(processes, options.latency), CONCURRENCY)
        contender = make()
        contender.open(setup)
        try:
            worker = contender.start_worker()
            processes.until(worker, lambda: contender.ready in processes.log(worker))
            return asyncio.run(_ask_all(contender, setup.llm_url, options))
        finally:
            contender.close()


async def _ask_all(contender: Contender, llm_url: str, options: argparse.Namespace) -> list[list[Seen]]:
    asks = CeleryAsks(contender) if isinstance(contender, CeleryContender) else PointsmanAsks(contender)
    numbers, times = count(), {}

    async def ask() -> str:
        prompt, began = f"job {next(numbers)}", time.time()
        await asks.ask(prompt)
        times[prompt] = began, time.time()
        return prompt

    try:
        await asyncio.gather(*(ask() for _ in range(WARM_UP)))
        one_by_one = [await ask() for _ in range(options.one_by_one)]
        at_a_rate = await _at_a_rate(ask, options.per_second, options.seconds)
    finally:
        await asks.close()
    async with httpx.AsyncClient(base_url=llm_url, timeout=60) as llm:
        calls = {call["job"]: Call(**call) for call in (await llm.get("/calls")).json()}
    return [[_seen(times[prompt], calls[prompt]) for prompt in prompts] for prompts in (one_by_one, at_a_rate)]


async def _at_a_rate(ask: Callable[[], object], per_second: float, seconds: float) -> list[str]:
    clock = asyncio.get_running_loop().time
    began, asking = clock(), []
    for number in range(int(per_second * seconds)):
        await asyncio.sleep(began + number / per_second - clock())
        asking.append(asyncio.ensure_future(ask()))
    return await asyncio.gather(*asking)


def _seen(times: tuple[float, float], call: Call) -> Seen:
    submitted, got = times
    return Seen(call.arrived - submitted, got - (call.ended or got))


def row_of(name: str, how: str, rounds: list[list[Seen]]) -> Row:
    """Return the figures of all rounds together, in milliseconds, and the p50 of each round as the spread."""
    seen = [one for found in rounds for one in found]
    middles = [quantile([one.before + one.after for one in found], 0.5) for found in rounds]
    return {
        "queue": name,
        "jobs": how,
        "count": len(seen),
        "p50_ms": _ms([one.before + one.after for one in seen], 0.5),
        "p99_ms": _ms([one.before + one.after for one in seen], 0.99),
        "to_the_call_p50_ms": _ms([one.before for one in seen], 0.5),
        "to_the_caller_p50_ms": _ms([one.after for one in seen], 0.5),
        "spread_p50_ms": f"{min(middles) * 1000:.1f}-{max(middles) * 1000:.1f}",
    }


def _ms(values: list[float], share: float) -> float | None:
    found = quantile(values, share)
    return None if found is None else round(found * 1000, 2)


CONTENDERS: tuple[Callable[[], Contender], ...] = (
    lambda: CeleryContender(Options()),
    lambda: PointsmanContender(dispatchers=1),
)


def main() -> None:
    """Measure in turns and report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--one-by-one", type=int, default=100, help="jobs that are asked one at a time")
    parser.add_argument("--per-second", type=float, default=50)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--latency", type=float, default=0.1, help="seconds that the LLM takes")
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    seen: list[list[list[list[Seen]]]] = [[] for _ in CONTENDERS]
    with tempfile.TemporaryDirectory(prefix="bench-") as made:
        for turn in range(options.rounds):
            for number, make in enumerate(CONTENDERS):
                seen[number].append(measure(make, options, Path(made) / f"{turn}-{number}"))
    hows = ("one at a time", f"{options.per_second:g} a second")
    rows = [
        row_of(CONTENDERS[number]().name, how, [found[at] for found in seen[number]])
        for at, how in enumerate(hows)
        for number in range(len(CONTENDERS))
    ]
    sys.stdout.write(table(rows) + "\n")
    write("latency", options=vars(options), rows=rows)


if __name__ == "__main__":
    main()
