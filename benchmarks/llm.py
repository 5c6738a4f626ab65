"""Calls of a slow LLM through one worker process: Pointsman beside what people put together by hand, in turn.

    python -m benchmarks.llm [--jobs 10000] [--latency 0.5] [--concurrency 1000] [--rounds 3]

Prints a table, and writes benchmarks/results/llm.json.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from .baselines.celery_httpx.contender import CeleryContender
from .baselines.celery_httpx.options import Options
from .baselines.litellm_router import LitellmRouterContender
from .baselines.taskiq_tasks import TaskiqContender
from .contender import Contender
from .pointsman_contender import PointsmanContender
from .speed import Work
from .speed_command import options_of, run

LITELLM_APP = "benchmarks.baselines.celery_litellm"

CONTENDERS: tuple[Callable[[], Contender], ...] = (
    lambda: CeleryContender(Options()),
    lambda: CeleryContender(Options(pool="gevent")),
    lambda: CeleryContender(Options(), app=LITELLM_APP, named="Celery threads + LiteLLM"),
    lambda: TaskiqContender("ask"),
    LitellmRouterContender,
    lambda: PointsmanContender(dispatchers=1),
)
"""The first is what the others are compared with."""


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--latency", type=float, default=0.5, help="seconds that the LLM takes")
    options = options_of(parser, CONTENDERS, jobs=10_000, concurrency=1000)
    work = Work(options.jobs, options.concurrency, latency=options.latency)
    run("llm", CONTENDERS, work, options=options)


if __name__ == "__main__":
    main()
