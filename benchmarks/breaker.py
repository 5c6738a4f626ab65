"""Measures how soon every dispatcher sees that a breaker has opened: 4 dispatchers, one worker, a model that fails.

    python -m benchmarks.breaker        # about ten seconds

The breaker opens in the script that settles a failed call, and writes Redis's own time. Each dispatcher logs when
its next round sees it. All run on this machine, so their clocks are one. The status is 1 where one is later than
100 ms.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from pointsman.router.vocabulary.job import JobSpec
from pointsman.router.vocabulary.model import Breaker

from .installation import log_of
from .report import write
from .watched import Plan, Watched, watched

OPENINGS, DISPATCHERS, AT_MOST_MS = 25, 4, 100
RULES = Breaker()
MARK = "failing: breaker open"


async def measure(folder: Path) -> dict[str, Any]:
    """Open the breaker again and again; return how late each dispatcher saw it, in ms."""
    plan = Plan({"failing": {}}, dispatchers=DISPATCHERS, workers=1, latency=0.05, faults=("--fail", "1"))
    opened: list[float] = []
    async with watched(plan, folder) as live:
        for _ in range(OPENINGS):
            await live.jobs.submit_many(
                [JobSpec(prompt="fail", model="failing", max_attempts=1) for _ in range(RULES.min_calls)]
            )
            opened.append(await _opened_at(live))
            await _until(folder, len(opened))
            await live.models.resume("failing")
        seen = [_seen(path) for path in log_of(folder, "dispatcher")]
    late = sorted(1000 * (at - then) for log in seen for at, then in zip(log, opened, strict=True))
    return {
        "dispatchers": DISPATCHERS,
        "openings": OPENINGS,
        "seen_after_ms": {"median": round(median(late), 1), "most": round(late[-1], 1)},
    }


async def _opened_at(live: Watched) -> float:
    key = live.jobs.keys.key("breaker", "failing")
    while (until := await live.redis.hget(key, "open_until")) is None:  # noqa: ASYNC110 # Redis tells of no field
        await asyncio.sleep(0.005)
    return int(until) / 1000 - RULES.open_seconds


async def _until(folder: Path, count: int) -> None:
    """Wait until each dispatcher has told of so many openings."""
    while any(len(_seen(path)) < count for path in log_of(folder, "dispatcher")):  # noqa: ASYNC110 # a log tells nobody
        await asyncio.sleep(0.05)


def _seen(path: Path) -> list[float]:
    """Return when a dispatcher's log says that the breaker is open, in Unix seconds."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [datetime.strptime(line[:23], "%Y-%m-%d %H:%M:%S,%f").timestamp() for line in lines if MARK in line]


def main() -> int:
    """Measure, print and keep the figures."""
    with tempfile.TemporaryDirectory(prefix="bench-") as made:
        figures = asyncio.run(measure(Path(made)))
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    write("breaker", options={}, rows=[figures])
    return 0 if figures["seen_after_ms"]["most"] < AT_MOST_MS else 1


if __name__ == "__main__":
    sys.exit(main())
