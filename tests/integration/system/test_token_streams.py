"""Streams from the model to whoever follows, through live Celery workers and a real Redis."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from pointsman.router.store import Follower, StateChanged, Subscriptions, TextChunk
from pointsman.router.vocabulary.errors import ErrorKind
from pointsman.router.vocabulary.job import JobRecord, JobState
from tests.support.live import Live, eventually

MODELS = ("gpt-4", "claude", "gemini")


@pytest_asyncio.fixture
async def follower(live: Live) -> AsyncIterator[Follower]:
    subscriptions = Subscriptions(live.redis, live.jobs.keys)
    yield Follower(subscriptions, live.jobs.keys)
    await subscriptions.close()


async def follow(follower: Follower, job_id: str) -> list[TextChunk]:
    """Return all that is told of a job until it ends."""
    chunks = []
    async with asyncio.timeout(90), follower.following(job_id) as updates:
        async for item in updates:
            if isinstance(item, TextChunk):
                chunks.append(item)
            if isinstance(item, StateChanged) and item.state.terminal:
                return chunks
    raise AssertionError("the news ended")


async def until_text(live: Live, job_id: str) -> None:
    """Wait until a job's first words are out."""

    async def has_text() -> bool:
        so_far = await live.jobs.text_so_far(job_id)
        return so_far is not None and bool(so_far.text)

    await eventually(has_text, what=f"the first words; {live.logs()}")


async def end_of(live: Live, job_id: str) -> JobRecord:
    [record] = await live.until_done([job_id])
    return record


async def test_words_are_sent_in_order_and_are_the_beginning_of_the_answer(live: Live, follower: Follower) -> None:
    live.change(base_seconds=0.1, answer_tokens=60, tokens_per_second=60, jitter=0.0)
    for model in MODELS:
        live.worker(model)
    await live.until_capacity(gpt_4=4, claude=4, gemini=4)
    ids = [(await live.submit(1, model=model, start=at, stream=True))[0] for at, model in enumerate(MODELS)]
    following = [asyncio.create_task(follow(follower, job_id)) for job_id in ids]
    for job_id in ids:
        await eventually(lambda job_id=job_id: subscribed(live, job_id), what="somebody follows")  # type: ignore[misc] # redis-py types are of both clients
    live.dispatcher()
    for job_id, chunks in zip(ids, await asyncio.gather(*following), strict=True):
        record = await end_of(live, job_id)
        assert record.result is not None, live.logs()
        text = "".join(piece.text for piece in chunks)
        assert text == record.result.answer.text
        assert len(chunks) > 3
        assert [piece.offset for piece in chunks] == [
            len("".join(before.text for before in chunks[:at]).encode()) for at in range(len(chunks))
        ]
        [attempt] = record.history
        assert attempt.first_token_seconds is not None
        assert attempt.first_token_seconds < record.result.seconds
        assert await live.jobs.text_so_far(job_id) is None


async def subscribed(live: Live, job_id: str) -> bool:
    [(_, count)] = await live.redis.pubsub_numsub(live.jobs.keys.key("events", job_id))
    return bool(count)


async def test_a_stream_that_breaks_off_before_its_first_words_is_tried_again(live: Live) -> None:
    live.change(disconnect_rate=1.0, stream_breaks_at=0.0)
    live.dispatcher()
    live.worker("gpt-4")
    [job_id] = await live.submit(1, model="gpt-4", max_attempts=20, stream=True)

    async def tried() -> bool:
        return bool((await live.jobs.get(job_id)).history)

    await eventually(tried, what="a first try")
    live.change(disconnect_rate=0.0)
    record = await end_of(live, job_id)
    assert record.state is JobState.SUCCEEDED, live.logs()
    assert record.history[0].kind is ErrorKind.BAD_RESPONSE
    assert record.history[0].first_token_seconds is None


@pytest.mark.parametrize("model", MODELS)
async def test_a_stream_that_breaks_off_after_its_first_words_fails_and_is_not_called_again(
    live: Live, model: str
) -> None:
    live.change(disconnect_rate=1.0, stream_breaks_at=0.5, answer_tokens=160, tokens_per_second=40, jitter=0.0)
    live.dispatcher()
    live.worker(model)
    [job_id] = await live.submit(1, model=model, max_attempts=5, stream=True)
    record = await end_of(live, job_id)
    assert record.state is JobState.FAILED
    assert record.error is not None
    assert record.error.kind is ErrorKind.BAD_RESPONSE, live.logs()
    assert record.error.message.startswith("the answer broke off after its first words: ")
    assert live.paid("prompt 0") == 1
    assert [attempt.kind for attempt in record.history] == [ErrorKind.BAD_RESPONSE]


async def test_a_worker_killed_in_mid_stream_ends_the_job_after_one_lease(live: Live) -> None:
    live.change(answer_tokens=6000, tokens_per_second=50)
    live.dispatcher()
    first = live.worker("gpt-4")
    [job_id] = await live.submit(1, model="gpt-4", stream=True)
    await until_text(live, job_id)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    live.worker("gpt-4")
    record = await end_of(live, job_id)
    assert record.state is JobState.FAILED
    assert record.error is not None
    assert record.error.kind is ErrorKind.WORKER_LOST
    assert record.losses == 1
    assert live.paid("prompt 0") == 1
    assert await live.jobs.text_so_far(job_id) is None


async def test_a_job_cancelled_in_mid_stream_stops_its_call(live: Live) -> None:
    live.change(answer_tokens=6000, tokens_per_second=50)
    live.dispatcher()
    live.worker("gpt-4")
    [job_id] = await live.submit(1, model="gpt-4", stream=True)
    await until_text(live, job_id)
    await live.jobs.cancel(job_id)

    async def stopped() -> bool:
        return live.in_flight() == 0

    await eventually(stopped, what=f"the call is stopped; {live.logs()}")
    assert (await live.jobs.get(job_id)).state is JobState.CANCELLED
    assert await live.jobs.text_so_far(job_id) is None
