"""What a model has said so far: fenced, in order, told once, and never followed by a second try."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from pointsman.router.store import (
    Follower,
    JobUpdate,
    LookAgain,
    StateChanged,
    StreamedPiece,
    Subscriptions,
    TextChunk,
)
from pointsman.router.store.job_stream import MOST_UNREAD
from pointsman.router.vocabulary.errors import ErrorKind
from pointsman.router.vocabulary.job import JobSpec, JobState
from tests.support.store_driver import Driver, failure, success


@pytest.fixture
async def follower(driver: Driver) -> AsyncIterator[Follower]:
    subscriptions = Subscriptions(driver.redis, driver.keys)
    yield Follower(subscriptions, driver.keys)
    await subscriptions.close()


async def append_text(driver: Driver, job_id: str, offset: int, text: str, *, binding: int = 1) -> bool:
    return (await driver.work.append_tokens([StreamedPiece(job_id, binding, offset, text)]))[0]


async def up_to(updates: AsyncIterator[JobUpdate], last: JobUpdate) -> list[JobUpdate]:
    """Return the news up to `last`, looks left out."""
    received: list[JobUpdate] = []
    async for item in updates:
        if not isinstance(item, LookAgain):
            received.append(item)
        if item == last:
            return received
    raise AssertionError("the news ended")


async def test_pieces_are_kept_and_sent_in_order(driver: Driver, follower: Follower) -> None:
    job_id = await driver.run_to_claim(stream=True)
    async with follower.following(job_id) as updates:
        assert await anext(updates) == LookAgain()
        assert await append_text(driver, job_id, 0, "Grüße ")
        assert await append_text(driver, job_id, 8, 'an "alle"\n\x1f')
        received = await up_to(updates, TextChunk(1, 8, 'an "alle"\n\x1f'))
    assert received == [TextChunk(1, 0, "Grüße "), TextChunk(1, 8, 'an "alle"\n\x1f')]
    so_far = await driver.jobs.text_so_far(job_id)
    assert so_far is not None
    assert (so_far.binding, so_far.text) == (1, 'Grüße an "alle"\n\x1f')


async def test_a_piece_that_comes_twice_is_reported_once(driver: Driver, follower: Follower) -> None:
    job_id = await driver.run_to_claim(stream=True)
    async with follower.following(job_id) as updates:
        assert await append_text(driver, job_id, 0, "one ")
        assert await append_text(driver, job_id, 0, "one ")
        assert await append_text(driver, job_id, 4, "two")
        assert await up_to(updates, TextChunk(1, 4, "two")) == [TextChunk(1, 0, "one "), TextChunk(1, 4, "two")]


async def test_of_a_piece_that_comes_again_and_has_grown_only_the_rest_is_reported(
    driver: Driver, follower: Follower
) -> None:
    job_id = await driver.run_to_claim(stream=True)
    async with follower.following(job_id) as updates:
        assert await append_text(driver, job_id, 0, "Grü")
        assert await append_text(driver, job_id, 0, "Grüße")
        assert await append_text(driver, job_id, 0, "Gr")
        assert await append_text(driver, job_id, 7, "!")
        assert await up_to(updates, TextChunk(1, 7, "!")) == [
            TextChunk(1, 0, "Grü"),
            TextChunk(1, 4, "ße"),
            TextChunk(1, 7, "!"),
        ]
    so_far = await driver.jobs.text_so_far(job_id)
    assert so_far is not None
    assert so_far.text == "Grüße!"


async def test_a_piece_whose_forerunner_is_missing_is_refused(driver: Driver) -> None:
    job_id = await driver.run_to_claim(stream=True)
    assert not await append_text(driver, job_id, 3, "later")
    assert await append_text(driver, job_id, 0, "now")
    assert not await append_text(driver, job_id, 4, "later")
    so_far = await driver.jobs.text_so_far(job_id)
    assert so_far is not None
    assert so_far.text == "now"


async def test_a_stale_worker_cannot_speak(driver: Driver) -> None:
    job_id = await driver.run_to_claim(stream=True)
    await driver.settle(
        job_id, settlement=failure(state=JobState.PENDING, lane="technical_support|default|gpt-4,claude")
    )
    assert not await append_text(driver, job_id, 0, "too late")
    await driver.bind(job_id)
    assert not await append_text(driver, job_id, 0, "too late")
    await driver.claim(job_id, 2)
    assert not await append_text(driver, job_id, 0, "too late")
    assert await append_text(driver, job_id, 0, "mine", binding=2)


async def test_every_move_is_reported(driver: Driver, follower: Follower) -> None:
    await driver.announce()
    job_id = await driver.submit()
    async with follower.following(job_id) as updates:
        await driver.bind(job_id)
        await driver.claim(job_id)
        await driver.settle(job_id, settlement=success())
        received = await up_to(updates, StateChanged(JobState.SUCCEEDED))
    assert received == [
        StateChanged(JobState.BOUND),
        StateChanged(JobState.RUNNING),
        StateChanged(JobState.SUCCEEDED),
    ]


async def test_who_reads_is_asked_to_look(driver: Driver, follower: Follower) -> None:
    job_id = await driver.run_to_claim(stream=True)
    async with follower.following(job_id) as updates:
        assert await anext(updates) == LookAgain()
        updates.look_again()
        assert await anext(updates) == LookAgain()


async def test_a_slow_follower_is_asked_to_look_and_nothing_else(driver: Driver, follower: Follower) -> None:
    async with follower.following("some-job") as updates:
        for at in range(MOST_UNREAD):
            updates.push(f'{{"binding":1,"offset":{at},"text":"x"}}')
        updates.push("succeeded")
        assert [await anext(updates), await anext(updates)] == [LookAgain(), StateChanged(JobState.SUCCEEDED)]


async def test_a_waiting_job_has_a_place_in_its_lane(driver: Driver) -> None:
    first, second = await driver.submit(), await driver.submit()
    urgent = await driver.submit(priority=9)
    assert [await driver.jobs.position(job_id) for job_id in (urgent, first, second)] == [1, 2, 3]
    await driver.announce()
    await driver.bind(urgent)
    assert [await driver.jobs.position(job_id) for job_id in (urgent, first, second)] == [None, 1, 2]
    unclassified = await driver.submit(task_class=None)
    assert await driver.jobs.position(unclassified) == 1
    assert await driver.jobs.position("no-such-job") is None


async def test_nothing_is_left_of_an_ended_stream(driver: Driver) -> None:
    job_id = await driver.run_to_claim(stream=True)
    await append_text(driver, job_id, 0, "42")
    await driver.settle(job_id, settlement=success())
    assert await driver.jobs.text_so_far(job_id) is None
    assert not await append_text(driver, job_id, 2, "too late")
    assert not await driver.redis.exists(driver.keys.key("streamed_text", job_id))


async def test_there_is_no_second_try_after_the_first_words(driver: Driver) -> None:
    job_id = await driver.run_to_claim(stream=True)
    await append_text(driver, job_id, 0, "The answer is")
    assert (
        await driver.settle(job_id, settlement=failure("bad_response", state=JobState.PENDING)) is JobState.FAILED
    )
    record = await driver.get(job_id)
    assert record.error is not None
    assert record.error.kind is ErrorKind.BAD_RESPONSE
    assert record.error.message == "the answer broke off after its first words: it broke"
    assert await driver.lanes() == {}


async def test_a_stream_that_has_no_text_yet_is_tried_again(driver: Driver) -> None:
    job_id = await driver.run_to_claim(stream=True)
    end = failure("bad_response", state=JobState.PENDING, lane="technical_support|default|gpt-4,claude")
    assert await driver.settle(job_id, settlement=end) is JobState.PENDING


async def test_a_worker_that_dies_in_mid_stream_ends_the_job(driver: Driver) -> None:
    await driver.reap()
    job_id = await driver.run_to_claim(stream=True)
    await append_text(driver, job_id, 0, "The answer is")
    assert await driver.reap_for(driver.settings.lease_seconds * 2 + 5) == (0, 1)
    record = await driver.get(job_id)
    assert record.error is not None
    assert record.error.kind is ErrorKind.WORKER_LOST
    assert await driver.ledger() == ([], [])


async def test_a_retried_dead_letter_speaks_from_the_start(driver: Driver) -> None:
    job_id = await driver.run_to_claim(stream=True)
    await append_text(driver, job_id, 0, "The answer is")
    await driver.settle(job_id, settlement=failure())
    await driver.retry(job_id)
    placed = "technical_support|default|gpt-4,claude"
    await driver.redis.zrem(driver.keys.key("intake"), job_id)
    await driver.redis.hset(driver.keys.key("job", job_id), "lane", placed)
    score = (9 - 5) * 10**12 + 1
    await driver.redis.zadd(driver.keys.key("lane", placed), {job_id: score})
    assert await driver.bind(job_id) == "bound"
    assert (await driver.claim(job_id, 3)) is not None
    assert await driver.jobs.text_so_far(job_id) is None
    assert await append_text(driver, job_id, 0, "Again", binding=3)


async def test_the_same_request_joins_its_job_streamed_or_not(driver: Driver) -> None:
    job_id = await driver.submit(idempotency_key="k1")
    spec = JobSpec(prompt="What is the answer?", task_class="technical_support", idempotency_key="k1", stream=True)
    assert await driver.jobs.submit(spec) == job_id


async def test_the_worker_is_notified_of_the_stream(driver: Driver) -> None:
    await driver.announce()
    for stream in (True, False):
        job_id = await driver.submit(stream=stream)
        await driver.bind(job_id)
        claim = await driver.claim(job_id)
        assert claim is not None
        assert claim.payload.get("stream", False) is stream
