"""One attempt from its claim to its settling, at a real Redis; only the vendor's server is not real."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest

from pointsman.router.vocabulary.job import JobState
from pointsman.workers import executor as attempts
from pointsman.workers.errors import TIME_LIMIT
from pointsman.workers.executor import TaskReport
from tests.support.worker_attempts import OnWarning, Worker, answering, silent


def settling() -> bool:
    """Whether an attempt has come to its last step."""
    return any("_settle_for_certain" in repr(task) for task in asyncio.all_tasks())


async def test_an_answer_ends_the_job(worker: Worker) -> None:
    job_id = await worker.bound()
    report = await worker.attempt(job_id)
    assert (report.words.startswith("succeeded: gpt-4 in "), report.failed) == (True, False)
    record = await worker.driver.get(job_id)
    assert record.state is JobState.SUCCEEDED
    assert record.result is not None
    assert (record.result.answer.text, record.result.model) == ("42", "gpt-4")
    assert worker.got[0].headers["x-client-request-id"] == f"{job_id}.1"
    assert len(worker.leases) == 0


async def test_a_model_that_is_always_streamed_publishes_nothing_that_nobody_asked_for(worker: Worker) -> None:
    async def streaming(_: httpx.Request) -> httpx.Response:
        piece = {"choices": [{"delta": {"content": "42"}, "finish_reason": "stop"}]}
        body = f"data: {json.dumps(piece)}\n\ndata: [DONE]\n\n"
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=body)

    worker.behave = streaming
    catalog = worker.driver.catalog
    always = catalog.models["gpt-4"].model_copy(update={"stream": "always"})
    worker.executor.take(catalog.model_copy(update={"models": {**catalog.models, "gpt-4": always}}), {})
    job_id = await worker.bound()
    await worker.attempt(job_id)
    record = await worker.driver.get(job_id)
    assert record.state is JobState.SUCCEEDED
    assert json.loads(worker.got[0].content)["stream"] is True
    assert record.history[0].first_token_seconds is not None
    assert await worker.driver.redis.hget(worker.driver.keys.key("job", job_id), "streamed") is None


async def test_the_time_of_the_claim_is_part_of_the_attempt(worker: Worker) -> None:
    job_id = await worker.bound()
    await worker.driver.redis.client_pause(400)
    await worker.attempt(job_id)
    most = worker.driver.catalog.models["gpt-4"].timeout_seconds
    assert most - 60 < worker.got[0].extensions["timeout"]["read"] < most - 0.2


async def test_a_worker_that_stops_gives_the_job_back_without_a_call(worker: Worker) -> None:
    job_id = await worker.bound()
    worker.executor.closing = True
    report = await worker.attempt(job_id)
    assert (report.words, report.failed) == ("released: the worker is stopping", False)
    assert await worker.driver.state(job_id) is JobState.PENDING
    assert worker.got == []


async def test_a_job_of_a_model_that_the_worker_does_not_know_goes_back(worker: Worker) -> None:
    job_id = await worker.bound()
    assert "knows no model 'gpt-5'" in (await worker.attempt(job_id, model="gpt-5")).words
    assert await worker.driver.state(job_id) is JobState.PENDING


async def test_a_stale_binding_is_dropped_without_a_call(worker: Worker) -> None:
    job_id = await worker.bound()
    assert (await worker.attempt(job_id, binding=2)).words.startswith("dropped")
    assert await worker.driver.state(job_id) is JobState.BOUND
    await worker.attempt(job_id)
    assert (await worker.attempt(job_id)).words.startswith("dropped")
    assert len(worker.got) == 1


async def test_a_binding_that_two_workers_get_is_called_by_one(worker: Worker) -> None:
    job_id = await worker.bound()
    reports = await asyncio.gather(worker.attempt(job_id), worker.attempt(job_id))
    assert sorted(report.words.partition(":")[0] for report in reports) == ["dropped", "succeeded"]
    assert len(worker.got) == 1


async def test_a_lost_lease_stops_the_call_and_settles_nothing(worker: Worker) -> None:
    worker.behave = silent
    job_id = await worker.bound()
    attempt = await worker.in_call(job_id)
    await worker.driver.cancel(job_id)
    before = await worker.driver.get(job_id)
    await worker.leases.renew()
    assert await attempt == TaskReport("stopped: the job was given to another worker, or has ended", failed=True)
    assert await worker.driver.get(job_id) == before
    assert len(worker.leases) == 0


async def test_an_answer_that_comes_after_the_job_was_taken_away_is_dropped(worker: Worker) -> None:
    job_id = await worker.bound()

    async def cancelling(request: httpx.Request) -> httpx.Response:
        await worker.driver.cancel(job_id)
        return await answering(request)

    worker.behave = cancelling
    report = await worker.attempt(job_id)
    assert (report.words, report.failed) == ("dropped: the job was given to another worker, or has ended", True)
    assert await worker.driver.state(job_id) is JobState.CANCELLED


async def test_a_worker_that_is_stopped_in_a_call_gives_the_job_back_and_spends_no_attempt(worker: Worker) -> None:
    worker.behave = silent
    job_id = await worker.bound()
    attempt = await worker.in_call(job_id)
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt
    record = await worker.driver.get(job_id)
    assert (record.state, record.attempts) == (JobState.PENDING, 0)
    assert record.history[0].kind == "worker_lost"


async def test_the_workers_time_limit_is_a_time_out_of_the_call(worker: Worker) -> None:
    worker.behave = silent
    job_id = await worker.bound()
    attempt = await worker.in_call(job_id)
    attempt.cancel(TIME_LIMIT)
    report = await attempt
    assert report.words.startswith("timeout: the worker's time limit ended the call")
    record = await worker.driver.get(job_id)
    assert (record.state, record.attempts, record.history[0].kind) == (JobState.PENDING, 1, "timeout")


async def test_a_paid_answer_is_settled_though_the_worker_is_stopped_meanwhile(worker: Worker) -> None:
    job_id = await worker.bound()

    async def then_slow(request: httpx.Request) -> httpx.Response:
        await worker.driver.redis.client_pause(300)
        return await answering(request)

    worker.behave = then_slow
    attempt = asyncio.create_task(worker.attempt(job_id))
    while not settling():  # noqa: ASYNC110 # the last step of an attempt has no event
        await asyncio.sleep(0)
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt
    assert await worker.driver.state(job_id) is JobState.SUCCEEDED


async def test_an_answer_is_settled_however_long_redis_is_away(worker: Worker) -> None:
    job_id = await worker.bound()

    async def then_away(request: httpx.Request) -> httpx.Response:
        worker.relay.go_away()
        return await answering(request)

    def come_back() -> None:
        if len(warned.warnings) == 3:
            worker.relay.come_back()

    worker.behave, warned = then_away, OnWarning(come_back)
    attempts.log.addHandler(warned)
    try:
        report = await worker.attempt(job_id)
    finally:
        attempts.log.removeHandler(warned)
    assert report.words.startswith("succeeded")
    assert len(warned.warnings) == 3
    assert await worker.driver.state(job_id) is JobState.SUCCEEDED


async def test_a_claim_is_asked_for_again_while_redis_is_away(worker: Worker) -> None:
    job_id = await worker.bound()
    warned = OnWarning(worker.relay.come_back)
    worker.relay.go_away()
    attempts.log.addHandler(warned)
    try:
        assert (await worker.attempt(job_id)).words.startswith("succeeded")
    finally:
        attempts.log.removeHandler(warned)
    assert len(warned.warnings) == 1


async def test_a_claim_that_cannot_be_made_leaves_the_job_to_its_release(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "CLAIM_TRIES", 2)
    job_id = await worker.bound()
    worker.relay.go_away()
    assert (await worker.attempt(job_id)).words.startswith("dropped")
    assert worker.got == []
    assert await worker.driver.state(job_id) is JobState.BOUND


async def test_a_release_that_redis_does_not_take_is_no_error(worker: Worker) -> None:
    job_id = await worker.bound()
    worker.executor.closing = True
    worker.relay.go_away()
    assert (await worker.attempt(job_id)).words.startswith("released")


async def test_a_call_that_the_jobs_deadline_cuts_short_expires_it(worker: Worker) -> None:
    worker.behave = silent
    job_id = await worker.bound(expires_in=1.0)
    assert (await worker.attempt(job_id)).words.startswith("expired: the deadline passed")
    assert await worker.driver.state(job_id) is JobState.EXPIRED


async def test_a_payload_that_is_newer_than_the_worker_waits_for_another_one(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "PAYLOAD_SCHEMA", 1)  # what it announced was more
    job_id = await worker.bound()
    assert "newer than this worker" in (await worker.attempt(job_id)).words
    record = await worker.driver.get(job_id)
    assert (record.state, record.attempts, worker.got) == (JobState.PENDING, 0, [])
    assert record.not_before is not None
    assert await worker.driver.ledger() == ([], [])


async def test_a_mistake_of_the_workers_own_ends_the_job_instead_of_being_repeated(worker: Worker) -> None:
    async def broken(_: httpx.Request) -> httpx.Response:
        raise ZeroDivisionError

    worker.behave = broken
    job_id = await worker.bound()
    assert "the worker failed: ZeroDivisionError" in (await worker.attempt(job_id)).words
    assert await worker.driver.state(job_id) is JobState.FAILED


async def test_a_failed_call_is_judged_and_its_reason_kept(worker: Worker) -> None:
    async def refusing(_: httpx.Request) -> httpx.Response:
        return httpx.Response(400, json={"error": {"message": "no such parameter"}})

    worker.behave = refusing
    job_id = await worker.bound()
    report = await worker.attempt(job_id)
    assert report.failed
    record = await worker.driver.get(job_id)
    assert record.state is JobState.FAILED
    assert record.error is not None
    assert (record.error.kind, "no such parameter" in record.error.message) == ("invalid_request", True)
