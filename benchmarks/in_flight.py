"""How many calls one worker process really has in flight, and its memory then: an LLM that takes long to answer.

    python -m benchmarks.in_flight [--latency 4]

Each size gets two jobs for each slot. Prints a table, and writes benchmarks/results/in_flight.json.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from .baselines.celery_httpx.contender import CeleryContender
from .baselines.celery_httpx.options import Options
from .contender import Contender
from .pointsman_contender import PointsmanContender
from .report import Row, table, write
from .speed import Work, measure

WAVES = 2
CASES: tuple[tuple[Callable[[], Contender], int], ...] = (
    (lambda: CeleryContender(Options()), 1000),
    (lambda: PointsmanContender(dispatchers=1), 1000),
    (lambda: PointsmanContender(dispatchers=1), 2000),
)
COLUMNS = ("queue", "in_flight", "worker_mb", "jobs_per_second", "worker_ms")


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--latency", type=float, default=4.0, help="seconds that the LLM takes")
    options = parser.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as made:
        for number, (make, slots) in enumerate(CASES):
            work = Work(WAVES * slots, slots, latency=options.latency)
            found = measure(make(), work, Path(made) / str(number))
            rows.append({"slots": slots, **{column: found[column] for column in COLUMNS}})
    sys.stdout.write(table(rows) + "\n")
    write("in_flight", options=vars(options), rows=rows)


if __name__ == "__main__":
    main()
