"""The one verdict on every fault: nothing lost, nothing doubled, nothing left behind."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass, field

from pointsman.router.vocabulary.job import JobRecord, JobState
from tests.chaos.fleet.calls import Calls
from tests.chaos.leftovers import left_over
from tests.chaos.trial import Trial


@dataclass(frozen=True)
class Verdict:
    """What a fault cost; `extra_allowed` is how many calls it might have had paid again."""

    fault: str
    seed: int
    jobs: int
    calls: int
    extra_paid: int
    extra_allowed: int
    overlaps: int
    lost: int
    overwritten: int
    losses: int
    seconds: float
    notes: dict[str, float] = field(default_factory=dict)


async def judge(trial: Trial) -> Verdict:
    """Wait for the end of every job, and fail with the first thing that is not as it must be."""
    await _until_all_have_ended(trial)
    seconds = time.time() - trial.began
    await trial.until_whole()
    await _until_nothing_is_left(trial)
    records = [record for record in await trial.records() if record is not None]
    for record in records:
        _ended_once(record)
    await _in_one_state(trial, records)
    calls = Calls(await trial.fleet.ledger.calls(trial.first_call), trial.ids)
    extra = calls.extra_paid()
    verdict = Verdict(
        fault=trial.name,
        seed=trial.seed,
        jobs=len(trial.ids),
        calls=sum(1 for _ in calls),
        extra_paid=sum(extra.values()),
        extra_allowed=trial.allowed.extra_paid,
        overlaps=len(calls.overlaps()),
        lost=len(trial.ids) - len(records),
        overwritten=_overwritten(trial),
        losses=sum(record.losses for record in records),
        seconds=round(seconds, 1),
        notes={name: round(value, 3) for name, value in trial.notes.items()},
    )
    _answers_come_from_calls(records, calls)
    await _published_is_what_is_stored(trial, records)
    assert verdict.lost <= trial.allowed.lost, f"{verdict}"
    assert verdict.overlaps <= trial.allowed.overlaps, f"{verdict}\n{calls.overlaps()[:3]}"
    assert verdict.overwritten <= trial.allowed.overwritten, f"{verdict}"
    assert verdict.extra_paid <= trial.allowed.extra_paid, f"{verdict}\n{_stories(extra, calls, records)}"
    return verdict


async def _until_all_have_ended(trial: Trial) -> None:
    """A job that was lost has no record; the others have to end."""

    async def ended() -> bool:
        return all(record is None or record.done for record in await trial.records())

    await trial.until_share_ended(1)
    await trial.until(ended, "every job has ended")


async def _until_nothing_is_left(trial: Trial) -> None:
    """Wait until stale messages are drained and Redis holds nothing but results, records and bookkeeping."""
    found: list[str] = []

    async def nothing() -> bool:
        nonlocal found
        found = await left_over(trial.redis, trial.keys)
        return not found

    try:
        await trial.until(nothing, "nothing is left in Redis")
    except AssertionError as error:
        raise AssertionError(f"{len(found)} left over, such as {found[:5]}\n{error}") from None
    for view in await trial.models.views():
        assert (view.depth, view.in_flight, view.waiting) == (0, 0, 0), view
        assert view.slots >= view.capacity or view.status != "open", view


def _ended_once(record: JobRecord) -> None:
    """One terminal state, one final attempt, and a result or an error, not both."""
    assert record.done, record
    answered = [attempt for attempt in record.history if attempt.kind is None]
    succeeded = record.state is JobState.SUCCEEDED
    assert len(answered) == (1 if succeeded else 0), record
    assert (record.result is not None) == succeeded, record
    assert (record.error is None) == succeeded, record
    bindings = [attempt.binding for attempt in record.history]
    assert bindings == sorted(set(bindings)), f"a binding was used twice: {record}"


async def _in_one_state(trial: Trial, records: list[JobRecord]) -> None:
    """Every job stands in the index of its own state and in no other."""
    indexed: Counter[tuple[str, str]] = Counter()
    for state in JobState:
        for job_id in await trial.redis.zrange(trial.keys.key("state", state), 0, -1):
            indexed[job_id, state] += 1
    states = Counter(job_id for job_id, _ in indexed)
    for record in records:
        assert indexed[record.id, record.state] == 1, record
        assert states[record.id] == 1, record
    deadlines = set(await trial.redis.zrange(trial.keys.key("deadlines"), 0, -1))
    assert not deadlines & set(trial.ids)


def _overwritten(trial: Trial) -> int:
    """Return how many results came a second time."""
    return sum(max(0, len(trial.published.results.get(job_id, ())) - 1) for job_id in trial.ids)


async def _published_is_what_is_stored(trial: Trial, records: list[JobRecord]) -> None:
    """The last result that was published is the one that Redis has.

    Where a result may come twice, Redis has forgotten the first, and nobody need have heard the second: it is told
    while those who listen still find their way back to Redis.
    """
    pipeline = trial.redis.pipeline(transaction=False)
    for record in records:
        pipeline.get(trial.keys.result(record.id))
    for record, stored in zip(records, await pipeline.execute(), strict=True):
        assert stored is not None, f"{record.id} has no result"
        published = trial.published.results.get(record.id)
        missed = trial.allowed.overwritten > 0
        assert not published or published[-1] == stored or missed, (
            f"{record.id}: published {published}, stored {stored}"
        )
        assert json.loads(stored)["task_id"] == record.id


def _answers_come_from_calls(records: list[JobRecord], calls: Calls) -> None:
    """A result holds the answer of a call of the binding that settled it, as the ledger server gave it."""
    answered = {(call.job, call.binding, call.model) for call in calls.ended("answered")}
    for record in records:
        if record.result is not None:
            assert (record.id, record.binding, record.result.model) in answered, record
            assert record.result.answer.text == f"{record.id}.{record.binding}", record


def _stories(extra: Counter[str], calls: Calls, records: list[JobRecord]) -> str:
    """Return what happened to the first jobs that were paid more than once."""
    known = {record.id: record for record in records}
    return "\n".join(f"{job}: {calls.of_job[job]}\n  {known.get(job)}" for job in list(extra)[:3])
