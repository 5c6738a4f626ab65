"""Workers are told to stop, and a model is left without any; here each worker serves one model."""

from __future__ import annotations

import asyncio
import signal
import time

from tests.chaos.faults.registry import fault
from tests.chaos.fleet.calls import Call
from tests.chaos.fleet.fleet import Shape
from tests.chaos.trial import Trial

ONE_MODEL_EACH = Shape(queues=("a", "b", "b", "c"))
ONLY_ONE_OF_A = "worker-1"
SLOW = {"least_seconds": 0.2, "most_seconds": 0.5}
STOPS = 3


@fault(shape=ONE_MODEL_EACH)
async def last_worker_of_a_model_killed(trial: Trial) -> None:
    """One model has no worker any more: its jobs go to the others, and those that ask for it by name wait."""
    await trial.fleet.ledger.behave(**SLOW)
    await trial.submit(1800)
    await trial.submit(200, model="a", task_class=None, priority=0)
    await trial.until_share_ended(0.2)
    await trial.kill_worker(ONLY_ONE_OF_A)
    await trial.until_share_ended(0.9)
    trial.fleet.start(ONLY_ONE_OF_A)
    await trial.until_share_ended(1)
    await trial.succeeded()


@fault(shape=ONE_MODEL_EACH)
async def workers_asked_to_stop(trial: Trial) -> None:
    """SIGTERM: calls in flight end, what is bound and not claimed goes elsewhere at once, nothing is paid again."""
    await trial.fleet.ledger.behave(**SLOW)
    await trial.submit(2000)
    slowest = 0.0
    for at in range(STOPS):
        await trial.until_share_ended(0.1 + 0.2 * at)
        unclaimed = await trial.redis.zrange(trial.keys.key("bound", "a"), 0, -1)
        stopped_at = time.time()
        trial.fleet.signal(ONLY_ONE_OF_A, signal.SIGTERM)
        await until_ended(trial, ONLY_ONE_OF_A)
        trial.fleet.start(ONLY_ONE_OF_A)
        slowest = max(slowest, await _longest_wait(trial, unclaimed, stopped_at))
        await until_announced(trial, ONLY_ONE_OF_A)
    trial.notes["seconds until the last unclaimed job ran elsewhere"] = slowest
    await trial.until_share_ended(1)
    await trial.succeeded()


@fault(shape=ONE_MODEL_EACH)
async def workers_asked_to_stop_twice(trial: Trial) -> None:
    """A second SIGTERM stops the calls in flight: those may be paid again, and nothing else."""
    await _stop_by(trial, signal.SIGTERM)


@fault(shape=ONE_MODEL_EACH)
async def workers_asked_to_stop_and_killed(trial: Trial) -> None:
    """SIGTERM, and signal 9 before the calls in flight have ended: those may be paid again."""
    await _stop_by(trial, signal.SIGKILL)


async def _stop_by(trial: Trial, second: signal.Signals) -> None:
    await trial.fleet.ledger.behave(**SLOW)
    await trial.submit(2000)
    for at in range(STOPS):
        await trial.until_share_ended(0.1 + 0.2 * at)
        victim = trial.random.choice(trial.fleet.workers)
        trial.fleet.signal(victim, signal.SIGTERM)
        await asyncio.sleep(0.1)
        if second is signal.SIGKILL:
            await trial.kill_worker(victim)
        else:
            pid = trial.fleet.pid(victim)
            trial.fleet.signal(victim, second)
            trial.may_pay_again(await trial.in_flight_in(pid), "in flight in workers told twice")
        await until_ended(trial, victim)
        trial.fleet.start(victim)
        await until_announced(trial, victim)
    await trial.until_share_ended(1)
    await trial.succeeded()


async def until_ended(trial: Trial, name: str) -> None:
    async def ended() -> bool:
        return trial.fleet.ended(name)

    await trial.until(ended, f"{name} has ended")


async def until_announced(trial: Trial, name: str) -> None:
    async def announced() -> bool:
        return name in await trial.ready_workers()

    await trial.until(announced, f"{name} takes jobs")


async def _longest_wait(trial: Trial, jobs: list[str], since: float) -> float:
    """Return how long the last of these jobs waited for its call."""

    async def called() -> dict[str, Call]:
        calls = await trial.fleet.ledger.calls(trial.first_call)
        found = {call.job: call for call in calls if call.job in jobs and call.arrived >= since}
        done = {call.job for call in calls if call.job in jobs}
        return found if done == set(jobs) else {}

    found = await trial.until(called, "unclaimed jobs are called") if jobs else {}
    return max((call.arrived - since for call in found.values()), default=0.0)
