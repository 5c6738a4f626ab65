"""How long a slot of a busy worker stands idle between two calls.

    python -m benchmarks.slot_gap [--slots 1,8,100] [--latency 1] [--seconds 30]

Real parts: Redis, dispatcher, one Celery worker, and the simulated LLM server, whose answers take about a second.
More jobs wait than there are slots, all the time. The server sees each call begin and end: with N slots the k-th
end frees the slot in which call number k + N begins, and the time between is the gap. Prints a table and the
targets, and writes benchmarks/results/slot_gap.json.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from pointsman.simulated import SimulatedModel, Simulation, running_server
from pointsman.simulated.ledger import CallLedger

from .arena import quantile
from .installation import Installation, catalog_of
from .processes import Processes, running, start_redis
from .report import Row, table, write
from .targets import SLOT_GAPS, verdicts
from .watched import Watched

SPREAD = 0.5
"""Of the calls' seconds, as a share: answers differ in length, and the slots do not end in step."""
WARM_UP_WAVES = 2
"""Jobs for each slot whose gaps are left out: the first all begin at once."""


class TimedLedger(CallLedger):
    """A ledger that also keeps when each call began and ended, in seconds of this process's clock."""

    def __init__(self) -> None:
        super().__init__()
        self.began: list[float] = []
        self.ended: list[float] = []

    def begin(self, upstream: str, prompt: str) -> int:
        """Count a request."""
        self.began.append(time.monotonic())
        return super().begin(upstream, prompt)

    def end(self, upstream: str) -> None:
        """Count a request as answered."""
        self.ended.append(time.monotonic())
        super().end(upstream)


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slots", default="1,8,100", help="sizes of the worker, one after the other")
    parser.add_argument("--latency", type=float, default=1.0, help="seconds that the LLM takes")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long each size is busy")
    options = parser.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as made:
        for slots in map(int, options.slots.split(",")):
            with running(Path(made) / str(slots)) as processes:
                rows.append(asyncio.run(_measure(processes, slots, options)))
    judged = verdicts({"slot_gap": {"rows": rows}}, SLOT_GAPS)
    sys.stdout.write(f"{table(rows)}\n\n{table(judged)}\n")
    write("slot_gap", options=vars(options), rows=rows)


async def _measure(processes: Processes, slots: int, options: argparse.Namespace) -> Row:
    ledger = TimedLedger()
    model = SimulatedModel(base_seconds=options.latency, jitter=SPREAD, answer_tokens=10, tokens_per_second=1e6)
    async with running_server(Simulation(default=model)) as (url, server):
        server.ledger = ledger
        catalog = catalog_of({"one": {}}, url, worker_concurrency=slots)
        installation = Installation(processes, start_redis(processes), catalog)
        installation.start_dispatcher()
        installation.start_worker()
        watched = Watched(installation)
        try:
            await watched.until_served(workers=1, dispatchers=1)
            jobs = round(options.seconds / options.latency + WARM_UP_WAVES) * slots
            await _work(installation, ledger, jobs=jobs)
        finally:
            await watched.close()
    return _row(ledger, slots)


async def _work(installation: Installation, ledger: TimedLedger, *, jobs: int) -> None:
    """Submit all jobs at once, and wait until each has ended; meanwhile this process is the LLM server alone."""
    async with installation.async_client() as client:
        ids = await client.submit_many([f"prompt {at}" for at in range(jobs)])
        while len(ledger.ended) < jobs:  # noqa: ASYNC110 # the ledger is read, which knows no events
            await asyncio.sleep(0.1)
        records = await client.wait(ids)
    if any(record.state != "succeeded" for record in records):
        raise RuntimeError("a job failed, so the gaps are not those of a busy worker")


def _row(ledger: TimedLedger, slots: int) -> Row:
    found = gaps(ledger.began, ledger.ended, slots)[WARM_UP_WAVES * slots :]
    milliseconds = [round(gap * 1000, 1) for gap in found]
    return {
        "slots": slots,
        "gaps": len(found),
        "gap_mean_ms": round(sum(milliseconds) / len(milliseconds), 1),
        "gap_p50_ms": median(milliseconds),
        "gap_p95_ms": quantile(milliseconds, 0.95),
        "gap_p99_ms": quantile(milliseconds, 0.99),
        "busy_percent": _busy_percent(ledger, sum(found) / len(found)),
    }


def gaps(began: list[float], ended: list[float], slots: int) -> list[float]:
    """Return the seconds from each end to the beginning of the call that takes its slot."""
    return [begin - end for end, begin in zip(sorted(ended), sorted(began)[slots:], strict=False)]


def _busy_percent(ledger: TimedLedger, gap: float) -> float:
    """Return the share of the time in which a slot has a call."""
    call = (sum(ledger.ended) - sum(ledger.began)) / len(ledger.began)
    return round(100 * call / (call + gap), 1)


if __name__ == "__main__":
    main()
