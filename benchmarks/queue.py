"""Tasks that do nothing, through one worker process: what each queue costs by itself, in turn.

    python -m benchmarks.queue [--jobs 10000] [--concurrency 100] [--rounds 3]

All jobs are submitted before the worker starts, so that submitting and consuming are measured apart. Results are
kept by everybody. Prints a table, and writes benchmarks/results/queue.json.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from .baselines.arq_tasks import ArqContender
from .baselines.celery_httpx.contender import CeleryContender
from .baselines.celery_httpx.options import Options
from .baselines.dramatiq_tasks import DramatiqContender
from .baselines.saq_tasks import SaqContender
from .baselines.taskiq_tasks import TaskiqContender
from .contender import Contender
from .pointsman_contender import PointsmanContender
from .speed import Work
from .speed_command import options_of, run

NOOP_APP, NOOP_TASK = "benchmarks.baselines.celery_noop", "baseline.noop"

CONTENDERS: tuple[Callable[[], Contender], ...] = (
    lambda: CeleryContender(Options(pool="solo", acks_late=False), app=NOOP_APP, task=NOOP_TASK),
    lambda: CeleryContender(Options(pool="threads"), app=NOOP_APP, task=NOOP_TASK),
    DramatiqContender,
    lambda: TaskiqContender("noop"),
    SaqContender,
    ArqContender,
    lambda: PointsmanContender(dispatchers=1, app="benchmarks.pointsman_noop"),
)
"""The first is what the others are compared with."""


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options = options_of(parser, CONTENDERS, jobs=10_000, concurrency=100)
    run("queue", CONTENDERS, Work(options.jobs, options.concurrency, queued_first=True), options=options)


if __name__ == "__main__":
    main()
