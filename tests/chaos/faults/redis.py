"""Redis dies, forgets its last second, and stands still."""

from __future__ import annotations

import asyncio
import signal
import time

from tests.chaos.faults.registry import fault
from tests.chaos.fleet.calls import Calls
from tests.chaos.trial import Trial

AWAY_SECONDS = 3.0  # longer than the gap after which reap spares everybody for one lease
FROZEN_SECONDS = 20.0
FORGOTTEN_SECONDS = 1.0


@fault(short=True)
async def redis_restarted_with_every_write_synced(trial: Trial) -> None:
    """Redis is killed, and later stopped, in mid-work: nothing is lost, nothing is paid again, and nobody dies."""
    await trial.submit(2000)
    for share, how in ((0.2, signal.SIGKILL), (0.6, signal.SIGTERM)):
        await trial.until_share_ended(share)
        trial.fleet.redis_host.end(how)
        await asyncio.sleep(AWAY_SECONDS)
        trial.fleet.redis_host.start()
    await trial.until_share_ended(1)
    trial.everybody_lives()
    await trial.succeeded()


@fault()
async def redis_forgets_its_last_second(trial: Trial) -> None:
    """The power goes: with everysec, what was written since the last sync is gone. Nothing older is, nothing hangs.

    Killing the process alone loses nothing, since the system keeps what was written; so its file is cut back.
    """
    await trial.submit(1000)
    await trial.until_share_ended(0.3)
    kept, cut_at = trial.fleet.redis_host.written, time.time()
    late = await _submit_for_a_second(trial)
    trial.fleet.redis_host.end(signal.SIGKILL)
    trial.notes["seconds forgotten"] = time.time() - cut_at
    trial.fleet.redis_host.cut(kept)
    trial.fleet.redis_host.start("everysec")
    await _count_what_is_forgotten(trial, late, cut_at)
    await trial.submit(1000 - len(late))
    await trial.until_share_ended(1)
    trial.everybody_lives()
    await trial.succeeded()


async def _submit_for_a_second(trial: Trial) -> list[str]:
    ids: list[str] = []
    end = time.monotonic() + FORGOTTEN_SECONDS
    while time.monotonic() < end:
        ids += await trial.submit(20)
        await asyncio.sleep(0.05)
    return ids


async def _count_what_is_forgotten(trial: Trial, late: list[str], cut_at: float) -> None:
    """What was accepted in the last second may be gone; what was called or answered in it may be done again."""
    gone = {job_id for job_id, record in zip(trial.ids, await trial.records(), strict=True) if record is None}
    assert gone <= set(late), "a job that was older than a second is gone"
    calls = Calls(await trial.fleet.ledger.calls(trial.first_call), trial.ids)
    again = {call.job for call in calls if call.outlives(cut_at)}
    trial.allowed.lost = len(gone)
    trial.allowed.extra_paid = trial.allowed.overlaps = trial.allowed.overwritten = len(again)
    trial.notes |= {"jobs accepted in that second": len(late), "of them gone": len(gone)}
    trial.notes["jobs called in that second"] = len(again)


@fault()
async def redis_frozen(trial: Trial) -> None:
    """Redis stands still for 20 s: calls in flight end, their answers wait, and none is paid again."""
    await trial.submit(2000)
    await trial.until_share_ended(0.2)
    trial.fleet.redis_host.freeze()
    await asyncio.sleep(FROZEN_SECONDS)
    trial.fleet.redis_host.thaw()
    await trial.until_share_ended(1)
    trial.everybody_lives()
    await trial.succeeded()
