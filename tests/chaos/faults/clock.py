"""A worker's clock, or that of Redis's host, is set forwards and backwards while it works."""

from __future__ import annotations

import asyncio
import signal

from tests.chaos.faults.registry import fault
from tests.chaos.faults.stops import until_announced, until_ended
from tests.chaos.fleet.fleet import Shape
from tests.chaos.fleet.redis_host import RedisWithClock
from tests.chaos.fleet.shifted_clock import ShiftedClock
from tests.chaos.trial import Trial

HOUR = 3600
STEPS = (HOUR, -HOUR, 400 * 24 * HOUR, 0)
SECONDS_EACH = 1.5
LYING = "worker-1"


@fault()
async def clock_of_a_worker_steps(trial: Trial) -> None:
    """One worker's clock jumps by an hour, by a year, and back: leases, timeouts and results do not care."""
    clock = ShiftedClock(trial.fleet.folder)
    await _restart(trial, **clock.environment)
    await trial.fleet.ledger.behave(least_seconds=0.2, most_seconds=0.5)
    await trial.submit(2000)
    for step in STEPS:
        clock.set(step)
        await trial.wait_unless_done(SECONDS_EACH)
    await trial.until_share_ended(1)
    done = trial.fleet.log_of(LYING).count("succeeded")
    trial.notes["jobs that it did"] = done
    assert done, "the worker with the wrong clock did nothing"
    assert "succeeded" in "".join(_lines_of_next_year(trial)), "its clock was right all the time"
    await _restart(trial)
    await trial.succeeded()


@fault(shape=Shape(redis=RedisWithClock))
async def clock_of_redis_steps(trial: Trial) -> None:
    """The clock of Redis's host jumps by an hour and back: no job expires, is reaped or waits for it."""
    host = trial.fleet.redis_host
    assert isinstance(host, RedisWithClock)
    await trial.fleet.ledger.behave(least_seconds=0.2, most_seconds=0.5)
    try:
        await trial.submit(1000, expires_in=600)
        await trial.until_share_ended(0.1)
        for step in (HOUR, 0, -HOUR, 0):
            host.clock.set(step)
            before = await trial.ended()
            await asyncio.sleep(SECONDS_EACH)
            trial.notes[f"jobs that ended within {SECONDS_EACH} s of a step to {step:+} s"] = (
                await trial.ended() - before
            )
        await trial.until_share_ended(1)
    finally:
        host.clock.set(0)
    await trial.succeeded()


def _lines_of_next_year(trial: Trial) -> list[str]:
    lines = trial.fleet.log_of(LYING).splitlines()
    years = {line[1:5] for line in lines if line.startswith("[20")}
    return [line for line in lines if line.startswith(f"[{max(years)}")] if len(years) > 1 else []


async def _restart(trial: Trial, **environment: str) -> None:
    trial.fleet.signal(LYING, signal.SIGTERM)
    await until_ended(trial, LYING)
    trial.fleet.start(LYING, **environment)
    await until_announced(trial, LYING)
