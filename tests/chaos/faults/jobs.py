"""Some jobs are poison, or newer than the workers: the others neither wait for them nor fail with them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from unittest.mock import patch

from pointsman.router.store import jobs as producer_side
from pointsman.router.vocabulary.errors import ErrorKind
from pointsman.router.vocabulary.job import PAYLOAD_SCHEMA, JobRecord, JobSpec, JobState
from tests.chaos.faults.registry import fault
from tests.chaos.trial import Trial
from tests.support.poison import EVICTED, UNREADABLE

POISON = 30
GOOD = 1000
LATER_SECONDS = 2.0
"""How long a poison job waits for its start, so that it is damaged before anybody looks at it."""
ONCE_READ = {name: damage for name, damage in UNREADABLE.items() if "lane" not in name}


@fault()
async def poison_jobs(trial: Trial) -> None:
    """Among 1 000 good jobs are 30 that cannot be placed and 30 without a record: quarantine, and no trace."""
    poison, evicted = await _poisoned(trial), await _delayed(trial, POISON)
    for job_id in evicted:
        await EVICTED(trial.redis, trial.keys, job_id)
    good = await trial.submit(GOOD)
    began = time.time()
    await trial.until_ended(good)
    trial.notes["seconds for the good ones"] = time.time() - began
    await trial.until_ended(poison)
    ended = [record for record in await trial.jobs.get_many(poison) if record is not None]
    assert {_kind(record) for record in ended} == {ErrorKind.QUARANTINED}
    trial.notes["jobs in quarantine"] = len(ended)
    await trial.succeeded()


async def _poisoned(trial: Trial) -> Sequence[str]:
    ids = await _delayed(trial, POISON)
    damages = list(ONCE_READ.values())
    for at, job_id in enumerate(ids):
        await damages[at % len(damages)](trial.redis, trial.keys, job_id)
    return ids


async def _delayed(trial: Trial, count: int) -> list[str]:
    """Submit jobs that come before all others, in a moment; they are none of those that have to succeed."""
    start = time.time() + LATER_SECONDS
    specs = [JobSpec(prompt="poison", task_class="any", priority=9, not_before=start) for _ in range(count)]
    return await trial.jobs.submit_many(specs)


def _kind(record: JobRecord) -> ErrorKind | None:
    return record.error.kind if record.error else None


@fault()
async def mixed_versions(trial: Trial) -> None:
    """A newer producer's jobs wait, before all others, for workers that can read them, and hold nobody up."""
    with patch.object(producer_side, "PAYLOAD_SCHEMA", PAYLOAD_SCHEMA + 1):
        newer = await trial.jobs.submit_many(
            [JobSpec(prompt=f"newer {at}", task_class="any", priority=9) for at in range(200)]
        )
    readable = await trial.submit(GOOD)
    await trial.until_ended(readable)
    waiting = [record for record in await trial.jobs.get_many(newer) if record is not None]
    assert {(record.state, record.history) for record in waiting} == {(JobState.PENDING, ())}
    trial.notes["newer jobs that wait"] = len(waiting)
    for job_id in newer:
        await trial.jobs.cancel(job_id)
    await trial.succeeded()
