"""A dispatcher that also logs how long each of its rounds takes: `python -m benchmarks.timed_dispatcher`."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import NamedTuple

from pointsman.local.dispatcher import dispatch
from pointsman.local.logs import log_to_stderr
from pointsman.router.config.settings import load_settings
from pointsman.router.dispatcher.loop import Dispatcher

COMMAND = ("-m", "benchmarks.timed_dispatcher")
MARK = "benchmark-round"

log = logging.getLogger("pointsman.benchmark")
round_of = Dispatcher.round


class TimedRound(NamedTuple):
    """One round: when it began, in Unix seconds, how long it took, in seconds, how many jobs it bound."""

    began: float
    seconds: float
    bound: int


async def timed_round(dispatcher: Dispatcher) -> object:
    """Run a round and log what it took."""
    began, bound, clock = time.time(), dispatcher.bound, time.perf_counter()
    try:
        return await round_of(dispatcher)
    finally:
        log.info("%s %.6f %.6f %d", MARK, began, time.perf_counter() - clock, dispatcher.bound - bound)


def rounds_in(log_file: Path, *, since: float) -> list[TimedRound]:
    """Return the rounds in a dispatcher's log that began after a moment."""
    found = []
    for line in log_file.read_text(encoding="utf-8").splitlines():
        if MARK in line:
            began, seconds, bound = line.partition(MARK)[2].split()
            found.append(TimedRound(float(began), float(seconds), int(bound)))
    return [one for one in found if one.began >= since]


def main() -> None:
    """Dispatch until a signal ends it."""
    settings = load_settings()
    log_to_stderr(settings.log_level)
    Dispatcher.round = timed_round  # type: ignore[method-assign,assignment] # this process alone is timed
    dispatch(settings)


if __name__ == "__main__":
    main()
