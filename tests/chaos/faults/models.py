"""A model hangs, answers garbage, limits half of all calls, dies and comes back.

Jobs have many attempts here, so that they outlive the fault with and without a breaker that leaves the model alone.
"""

from __future__ import annotations

import asyncio

from tests.chaos.faults.registry import fault
from tests.chaos.fleet.calls import Call, Calls
from tests.chaos.trial import Trial

ATTEMPTS = 50
RETRY_AFTER_SECONDS = 0.5
ROUNDING_SECONDS = 0.005  # Redis counts whole milliseconds, and the ledger server has its own clock


async def _calls(trial: Trial) -> Calls:
    return Calls(await trial.fleet.ledger.calls(trial.first_call), trial.ids)


async def _until_a_call_ended(trial: Trial, *how: str) -> None:
    async def ended() -> list[Call]:
        return (await _calls(trial)).ended(*how)

    await trial.until(ended, f"a call has ended as {how}")


async def _allow_what_gave_no_answer(trial: Trial, *how: str) -> None:
    """A call that ended so was paid for nothing: its job may have one more."""

    async def closed() -> bool:
        return all(call.ended is not None for call in await _calls(trial))

    await trial.until(closed, "the server has seen every call's end")
    found = len((await _calls(trial)).ended(*how))
    trial.allowed.extra_paid = found
    trial.notes[f"calls that ended as {' or '.join(how)}"] = found


@fault()
async def model_hangs(trial: Trial) -> None:
    """Calls to one model are never answered, until their timeout; others do what can wait no longer."""
    await trial.fleet.ledger.behave("b", hangs=True)
    await trial.submit(2000, max_attempts=ATTEMPTS)
    await _until_a_call_ended(trial, "hung up")
    await trial.until_share_ended(0.5)
    await trial.fleet.ledger.behave("b")
    await trial.until_share_ended(1)
    await _allow_what_gave_no_answer(trial, "hung up")
    await trial.succeeded()


@fault()
async def model_answers_garbage(trial: Trial) -> None:
    """Half of what one model says is cut off, HTML, or no answer at all."""
    await trial.fleet.ledger.behave("b", garbage=0.5)
    await trial.submit(2000, max_attempts=ATTEMPTS)
    await trial.until_share_ended(1)
    await _allow_what_gave_no_answer(trial, "garbage")
    await trial.succeeded()


@fault()
async def model_limits_half_of_all_calls(trial: Trial) -> None:
    """Half of all calls to every model get 429: none is paid twice, and no job comes back too early."""
    await trial.fleet.ledger.behave(limited=0.5, retry_after_seconds=RETRY_AFTER_SECONDS)
    await trial.submit(300, max_attempts=ATTEMPTS)
    await trial.until_share_ended(0.5)
    await trial.fleet.ledger.behave("a", "c")
    await trial.submit(1700, max_attempts=ATTEMPTS)
    await trial.until_share_ended(1)
    await trial.succeeded()
    waits = list(_waits_after_429(await _calls(trial)))
    trial.notes |= {"429s": len((await _calls(trial)).ended("limited")), "shortest wait after one": min(waits)}
    assert min(waits) >= RETRY_AFTER_SECONDS - ROUNDING_SECONDS


def _waits_after_429(calls: Calls) -> list[float]:
    """Return how long each job that was refused waited before it came to the same model again."""
    waits = []
    for of_job in calls.of_job.values():
        for at, refused in enumerate(of_job):
            again = [call.arrived for call in of_job[at + 1 :] if call.model == refused.model]
            if refused.how == "limited" and again and refused.ended is not None:
                waits.append(again[0] - refused.ended)
    return waits


@fault()
async def model_dies_and_comes_back(trial: Trial) -> None:
    """One model cuts off its calls and refuses connections, then says that it is overloaded, then answers again."""
    await trial.submit(2000, max_attempts=ATTEMPTS)
    await trial.until_share_ended(0.2)
    await trial.fleet.ledger.behave("b", dead=True)
    await asyncio.sleep(2)
    await trial.fleet.ledger.behave("b", overloaded=True)
    await asyncio.sleep(1)
    await trial.fleet.ledger.behave("b")
    await trial.until_share_ended(1)
    await _allow_what_gave_no_answer(trial, "hung up")
    await trial.succeeded()
