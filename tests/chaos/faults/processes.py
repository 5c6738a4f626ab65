"""Dispatchers and workers are killed, frozen and told to stop."""

from __future__ import annotations

import asyncio
import signal
import time

from pointsman.router.vocabulary.errors import ErrorKind
from pointsman.router.vocabulary.job import JobRecord
from tests.chaos.faults.registry import fault
from tests.chaos.fleet.fleet import DISPATCHERS
from tests.chaos.trial import Trial

KILL_EVERY_SECONDS = 2.0
FROZEN_SECONDS = 9.0  # three leases
SENT_SECONDS = 0.5  # Redis has read by then what a process had sent before it was stopped
FEW = 24  # so that the other workers have room for them all
SLOW = {"least_seconds": 0.2, "most_seconds": 0.5}
"""So slow that 2 000 jobs live through several kills."""


@fault(short=True)
async def workers_killed(trial: Trial) -> None:
    """A random worker that takes jobs dies every 2 s, and another comes in its place."""
    await trial.fleet.ledger.behave(**SLOW)
    await trial.submit(2000)
    await trial.until_share_ended(0.05)
    while await trial.left():
        ready = await trial.ready_workers()
        if ready:
            victim = trial.random.choice(ready)
            await trial.kill_worker(victim)
            trial.notes["kills"] = trial.notes.get("kills", 0) + 1
            trial.fleet.start(victim)
        await trial.wait_unless_done(KILL_EVERY_SECONDS)
    await trial.succeeded()


@fault(short=True)
async def dispatchers_killed(trial: Trial) -> None:
    """One dispatcher dies and comes back, then the other, and so on: no call is paid for it."""
    await trial.fleet.ledger.behave(**SLOW)
    await trial.submit(2000)
    await trial.until_share_ended(0.05)
    while await trial.left():
        victim = trial.random.choice(DISPATCHERS)
        trial.fleet.kill(victim)
        trial.notes["kills"] = trial.notes.get("kills", 0) + 1
        trial.fleet.start(victim)
        await trial.wait_unless_done(KILL_EVERY_SECONDS)
    await trial.succeeded()


@fault(short=True)
async def worker_frozen_past_its_lease(trial: Trial) -> None:
    """A worker stops for three leases and goes on: others do its jobs, and what it then brings is refused."""
    await trial.fleet.ledger.behave(**SLOW)
    await trial.submit(1000)
    await trial.until_share_ended(0.05)
    sleeper, held = await _freeze_a_busy_worker(trial)
    trial.allowed.extra_paid = trial.allowed.overlaps = len(held)
    trial.notes["in flight in the frozen worker"] = len(held)
    await asyncio.sleep(FROZEN_SECONDS)
    await trial.submit(1000)
    trial.fleet.signal(sleeper, signal.SIGCONT)
    refused = "dropped: the job was given to another worker"
    stopped = ("stopped: the job was given to another worker", "stopped: the lease ran out")

    async def logged() -> bool:
        words = trial.fleet.log_of(sleeper)
        return any(found in words for found in (refused, *stopped))

    await trial.until_share_ended(1)
    await trial.until(logged, "the sleeper finds that its jobs are not its own")
    trial.notes["late answers refused"] = trial.fleet.log_of(sleeper).count(refused)
    await trial.succeeded()


async def _freeze_a_busy_worker(trial: Trial) -> tuple[str, list[str]]:
    """Stop a worker that holds jobs, not counting what it had already sent to Redis; return it and the jobs."""
    while True:
        sleeper = trial.random.choice(trial.fleet.workers)
        trial.fleet.signal(sleeper, signal.SIGSTOP)
        await asyncio.sleep(SENT_SECONDS)
        held = await trial.in_flight_in(trial.fleet.pid(sleeper))
        if held:
            return sleeper, held
        trial.fleet.signal(sleeper, signal.SIGCONT)
        await asyncio.sleep(SENT_SECONDS)


@fault()
async def workers_killed_one_by_one(trial: Trial) -> None:
    """How long a dead worker's jobs wait for their next call, where there is room for them elsewhere."""
    back, again = [], []
    for victim in trial.random.sample(trial.fleet.workers, 3):
        await trial.fleet.ledger.behave(least_seconds=4.0, most_seconds=5.0)
        ids = await trial.submit(FEW)
        await trial.until_calling(ids)
        await trial.fleet.ledger.behave()
        killed = time.time()
        lost = await trial.kill_worker(victim)
        await trial.until_share_ended(1)
        back += [_taken_back(record) - killed for record in await trial.jobs.get_many(lost) if record]
        calls = await trial.fleet.ledger.calls(trial.first_call)
        again += [min(c.arrived for c in calls if c.job == job and c.arrived > killed) - killed for job in lost]
        trial.fleet.start(victim)
        await trial.until_whole()
    trial.notes["lease seconds"] = trial.fleet.settings.lease_seconds
    trial.notes["seconds until the last job was taken back"] = max(back)
    trial.notes["seconds until the last job ran again"] = max(again)
    await trial.submit(2000 - 3 * FEW)
    await trial.until_share_ended(1)
    await trial.succeeded()


def _taken_back(record: JobRecord) -> float:
    """Return when the reaper took the job from the dead worker."""
    return next(attempt.ended or 0.0 for attempt in record.history if attempt.kind is ErrorKind.WORKER_LOST)
