"""Batches in Redis: leases, fences, counts that rise as jobs end, and repeats that change nothing."""

from __future__ import annotations

from typing import Any

import pytest
from redis.asyncio import Redis

from pointsman.router.store import BatchLine, BatchStore, HeldBatch, JobStore, NewBatch
from pointsman.router.store.calls import AdvanceBatch, Change
from pointsman.router.vocabulary.batch import BatchRecord, BatchStatus, line_job_id, new_batch_id
from pointsman.router.vocabulary.errors import Conflict, UnknownBatch
from pointsman.router.vocabulary.job import JobSpec, JobState
from tests.support.store_driver import Driver, failure, success

WINDOW_SECONDS = 7200.0


@pytest.fixture
def batches(jobs: JobStore) -> BatchStore:
    return BatchStore(jobs)


def asked(**more: Any) -> NewBatch:
    """Return a batch that somebody asks for."""
    fields = {"input_file_id": "file-1", "endpoint": "/v1/chat/completions", "completion_window": "2h", **more}
    return NewBatch(window_seconds=WINDOW_SECONDS, **fields)


def lines(*numbers: int) -> list[BatchLine]:
    """Return lines of 100 bytes each."""
    return [
        BatchLine(at, (at - 1) * 100, JobSpec(prompt=f"line {at}", task_class="technical_support"))
        for at in numbers
    ]


async def claimed(batches: BatchStore) -> HeldBatch:
    held = await batches.claim()
    assert held is not None
    return held


async def lapse(batches: BatchStore, redis: Redis, batch: BatchRecord) -> None:
    """Let the lease of a batch run out."""
    await redis.zadd(batches.keys.key("open_batches"), {batch.id: 0})


async def begun(batches: BatchStore, total: int = 3) -> HeldBatch:
    """Return a batch whose input was found to be good."""
    await batches.create(asked(), batch_id=new_batch_id(), tenant="acme")
    held = await claimed(batches)
    assert await batches.advance(held, BatchStatus.IN_PROGRESS, fields={"total": total, "last_line": total})
    return held


async def test_a_held_batch_is_given_to_nobody_else_until_its_lease_runs_out(
    batches: BatchStore, redis: Redis
) -> None:
    held = await begun(batches)
    assert await batches.claim() is None
    await lapse(batches, redis, held.record)
    other = await claimed(batches)
    assert other.record.id == held.record.id
    assert not await batches.advance(held, fields={"line": 1})
    assert await batches.advance(other, fields={"line": 2})
    assert (await batches.get(held.record.id)).line == 2


async def test_a_line_that_was_submitted_and_not_noted_is_one_job(
    batches: BatchStore, redis: Redis, driver: Driver
) -> None:
    held = await begun(batches)
    assert await batches.submit(held.record, lines(1, 2))
    await lapse(batches, redis, held.record)  # killed just here
    other = await claimed(batches)
    assert await batches.submit(other.record, lines(1, 2, 3))
    assert await batches.advance(other, fields={"line": 3, "offset": 300, "jobs": 3})
    assert await batches.submit(held.record, lines(1, 2))  # and the one that was thought dead goes on
    assert await redis.zcard(driver.keys.key("state", "pending")) == 3
    job = await driver.get(line_job_id(held.record.id, 1))
    assert (job.tenant, job.batch) == ("acme", held.record.id)
    assert job.expires - held.record.expires < 60


async def test_the_last_end_of_a_job_calls_for_a_look(batches: BatchStore, driver: Driver) -> None:
    held = await begun(batches, 2)
    driver.now = int(held.record.created * 1000)
    await batches.submit(held.record, lines(1, 2))
    await batches.advance(held, fields={"jobs": 2}, later_seconds=3600)
    await end(driver, held, 1, success())
    assert await batches.claim() is None
    await end(driver, held, 2, failure("timeout"))
    again = await claimed(batches)
    assert again.record.all_ended
    assert (again.record.succeeded, again.record.failed) == (1, 1)
    ended = await batches.ended_lines(held.record.id, after=0, limit=10)
    assert [(one.number, one.offset) for one in ended] == [(1, 0), (2, 100)]
    assert [one.job.state for one in ended if one.job] == [JobState.SUCCEEDED, JobState.FAILED]


async def end(driver: Driver, held: HeldBatch, line: int, how: Any) -> None:
    """End the job of a line as a worker would."""
    job_id = line_job_id(held.record.id, line)
    await driver.announce()
    assert await driver.bind(job_id) == "bound"
    assert await driver.claim(job_id) is not None
    assert await driver.settle(job_id, settlement=how) is not None


async def test_jobs_that_end_before_all_are_submitted_call_for_no_look(
    batches: BatchStore, driver: Driver, redis: Redis
) -> None:
    held = await begun(batches, 2)
    driver.now = int(held.record.created * 1000)
    await batches.submit(held.record, lines(1))
    await end(driver, held, 1, success())
    assert await batches.claim() is None
    assert not (await batches.get(held.record.id)).all_ended
    await batches.submit(held.record, lines(2))
    await driver.cancel(line_job_id(held.record.id, 2))
    await batches.advance(held, fields={"jobs": 2}, later_seconds=3600)
    assert (await claimed(batches)).record.all_ended  # the note itself finds that there is nothing to wait for


async def test_a_dead_letter_that_begins_anew_has_not_ended(batches: BatchStore, driver: Driver) -> None:
    held = await begun(batches, 1)
    driver.now = int(held.record.created * 1000)
    await batches.submit(held.record, lines(1))
    await batches.advance(held, fields={"jobs": 1}, later_seconds=3600)
    await end(driver, held, 1, failure())
    assert await driver.retry(line_job_id(held.record.id, 1)) == Change(before="failed", after="pending")
    found = await batches.get(held.record.id)
    assert (found.failed, found.all_ended) == (0, False)


async def test_a_batch_that_is_cancelled_takes_no_more_jobs(batches: BatchStore, driver: Driver) -> None:
    held = await begun(batches)
    await batches.submit(held.record, lines(1))
    assert await batches.cancel(held.record.id) is BatchStatus.CANCELLING
    assert not await batches.submit(held.record, lines(1, 2))
    assert not await batches.advance(held, fields={"line": 2})
    other = await claimed(batches)  # at once: nobody waits for the lease
    await batches.cancel_jobs(other.record, [1, 2])
    assert await driver.state(line_job_id(held.record.id, 1)) is JobState.CANCELLED
    assert (await driver.jobs.get_many([line_job_id(held.record.id, 2)])) == [None]
    assert (await batches.get(held.record.id)).cancelled == 1
    assert await batches.advance(other, BatchStatus.CANCELLED)
    assert await batches.cancel(held.record.id) is BatchStatus.CANCELLED
    assert await batches.claim() is None


async def test_a_repeated_note_changes_nothing(batches: BatchStore, redis: Redis, driver: Driver) -> None:
    held = await begun(batches)
    await batches.advance(held, refused=[(2, 100)], fields={"refused": 1})
    again = AdvanceBatch(
        id=held.record.id,
        token=held.token,
        step=held.steps,
        before="in_progress",
        look_again_ms=1000,
        refused=["100:2"],
        fields={"refused": "9"},
    )
    assert await driver.scripts.run(again) == "in_progress"
    assert (await batches.get(held.record.id)).refused == 1
    assert [one.number for one in await batches.ended_lines(held.record.id, after=0, limit=9)] == [2]


async def test_results_are_kept_until_the_batch_can_be_read(
    batches: BatchStore, driver: Driver, redis: Redis
) -> None:
    held = await begun(batches, 1)
    driver.now = int(held.record.created * 1000)
    await batches.submit(held.record, lines(1))
    await end(driver, held, 1, success())
    least = driver.settings.result_ttl_seconds + WINDOW_SECONDS - 60
    for key in (
        driver.keys.key("job", line_job_id(held.record.id, 1)),
        driver.keys.result(line_job_id(held.record.id, 1)),
    ):
        assert await redis.ttl(key) >= least


async def test_an_ended_batch_is_forgotten_after_its_time(batches: BatchStore, redis: Redis) -> None:
    await batches.create(asked(), batch_id=new_batch_id(), tenant="acme")
    held = await claimed(batches)
    assert await batches.advance(held, BatchStatus.FAILED)
    assert await redis.ttl(batches.keys.key("batch", held.record.id)) > 29 * 86_400
    await redis.delete(batches.keys.key("batch", held.record.id))
    with pytest.raises(UnknownBatch):
        await batches.get(held.record.id)
    assert await batches.page(tenant="acme", after=None, limit=9) == []
    assert await redis.zcard(batches.keys.key("batches", "acme")) == 0


async def test_another_request_under_a_known_key_is_a_conflict(batches: BatchStore) -> None:
    first = await batches.create(asked(), batch_id=new_batch_id(), tenant="acme", idempotency_key="k")
    assert await batches.create(asked(), batch_id=new_batch_id(), tenant="acme", idempotency_key="k") == first
    assert await batches.create(asked(), batch_id=new_batch_id(), tenant="other", idempotency_key="k") != first
    with pytest.raises(Conflict):
        await batches.create(
            asked(endpoint="/v1/responses"), batch_id=new_batch_id(), tenant="acme", idempotency_key="k"
        )


async def test_no_batch_moves_where_it_cannot(batches: BatchStore) -> None:
    held = await begun(batches)
    with pytest.raises(ValueError, match="no batch moves from in_progress to completed"):
        await batches.advance(held, BatchStatus.COMPLETED)
