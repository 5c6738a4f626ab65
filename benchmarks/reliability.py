"""Runs the same faults against Pointsman and against Celery + httpx put together by hand, in turn.

    python -m benchmarks.reliability [--fault kill|retry-after|long-calls] [--jobs 4000] [--only 1,3]

Prints tables, and writes benchmarks/results/reliability-<fault>.json.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from random import Random

from .arena import Arena, Size, arena
from .baselines.celery_httpx.contender import CeleryContender
from .baselines.celery_httpx.options import Options
from .contender import Faulted
from .kill_workers import kill_workers, only_wait
from .pointsman_contender import PointsmanContender
from .report import Row, table, write
from .retry_after import refuse_everybody

CONTENDERS: tuple[Callable[[], Faulted], ...] = (
    PointsmanContender,
    lambda: PointsmanContender(lease_seconds=5),
    lambda: CeleryContender(Options()),
    lambda: CeleryContender(Options(visibility_seconds=15)),
    lambda: CeleryContender(Options(visibility_seconds=15, often_restored=True)),
    lambda: CeleryContender(Options(visibility_seconds=5, often_restored=True)),
    lambda: CeleryContender(Options(acks_late=False)),
    lambda: CeleryContender(Options(pool="prefork", visibility_seconds=15, often_restored=True)),
    lambda: CeleryContender(Options(pool="gevent", visibility_seconds=15, often_restored=True)),
)

QUICK_JOBS, QUICK_CONTENDERS = 1000, (1, 3, 5)
FAULTS = ("kill", "retry-after", "long-calls")
LONG_CALL_SECONDS = 20.0


def main() -> None:
    """Run every fault against every contender."""
    options = _options()
    size = Size(options.jobs, options.workers, options.concurrency, options.latency)
    with tempfile.TemporaryDirectory(prefix="bench-") as made:
        folder = options.folder or Path(made)
        for name in options.fault or FAULTS:
            own_size = _size_for_long_calls(size) if name == "long-calls" else size
            rows = [_run(_fault(name, options), number, own_size, folder / name) for number in options.only]
            sys.stdout.write(f"\n{name}: {own_size}\n{table(rows)}\n")
            write(f"reliability-{name}", options=vars(options) | asdict(own_size), rows=rows)


def _fault(name: str, options: argparse.Namespace) -> Callable[[Arena], Row]:
    match name:
        case "kill":
            random = Random(options.seed)
            return lambda arena: kill_workers(
                arena, every_seconds=options.every, kills=options.kills, random=random
            )
        case "retry-after":
            return refuse_everybody
        case _:
            return only_wait


def _size_for_long_calls(size: Size) -> Size:
    """Return calls that take longer than a lease or a visibility timeout of 15 s, two for each slot."""
    return replace(size, jobs=2 * size.workers * size.concurrency, latency=LONG_CALL_SECONDS)


def _run(fault: Callable[[Arena], Row], number: int, size: Size, folder: Path) -> Row:
    contender = CONTENDERS[number - 1]()
    sys.stdout.write(f"{contender.name}, {contender.settings} ...\n")
    sys.stdout.flush()
    with arena(contender, size, folder / str(number)) as found:
        return {"queue": contender.name, "settings": contender.settings} | fault(found)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    every = range(1, len(CONTENDERS) + 1)
    parser.add_argument("--fault", action="append", choices=FAULTS, help="default: all")
    parser.add_argument("--jobs", type=int, default=4000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--concurrency", type=int, default=16, help="calls in flight per worker")
    parser.add_argument("--latency", type=float, default=0.2, help="seconds that the LLM takes")
    parser.add_argument("--every", type=float, default=2.0, help="seconds between two kills")
    parser.add_argument("--kills", type=int, default=20, help="kills at most")
    parser.add_argument("--seed", type=int, default=1, help="of the choice of whom to kill")
    parser.add_argument("--folder", type=Path, help="keep logs here; by default they are thrown away")
    parser.add_argument(
        "--only", type=lambda text: [int(part) for part in text.split(",")], default=list(every),
        help=f"numbers of contenders, of {len(CONTENDERS)}: 1,2 are Pointsman",
    )  # fmt: skip
    parser.add_argument(
        "--quick", action="store_true", help=f"{QUICK_JOBS} jobs, and one of each kind of contender"
    )
    options = parser.parse_args()
    if options.quick:
        options.jobs, options.only = QUICK_JOBS, list(QUICK_CONTENDERS)
    return options


if __name__ == "__main__":
    main()
