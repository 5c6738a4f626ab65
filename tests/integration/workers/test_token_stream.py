"""What a worker process tells while its models speak: in order, fenced, and never in the way of a settle."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pointsman.router.runtime.cancellation import stop
from pointsman.router.store import HeldJob
from pointsman.router.vocabulary.job import JobState
from pointsman.workers.leases import Lease, Leases
from pointsman.workers.token_stream import TokenPublisher, TokenStream
from tests.support.live import eventually
from tests.support.redis_server import running_redis
from tests.support.store_driver import RESULT, Driver, failure, success


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    """A server of this test's own, whose memory it may fill and whose scripts it may count."""
    with running_redis(tmp_path) as server:
        yield server.url


class Worker:
    """A worker's leases and its teller, which runs."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.leases = Leases(driver.work, lease_seconds=60)
        self.publisher = TokenPublisher(driver.work, self.leases)
        self._open = ExitStack()

    def calls(self, job_id: str, binding: int = 1) -> tuple[Lease, TokenStream]:
        """Begin a call."""
        held = HeldJob("gpt-4", job_id, binding)
        lease = self._open.enter_context(self.leases.holding(held, claimed_at=0.0))
        return lease, self._open.enter_context(self.publisher.open_stream(held))

    async def until_text(self, job_id: str, text: str) -> None:
        """Wait until Redis has exactly this text of a job."""

        async def there() -> bool:
            so_far = await self.driver.jobs.text_so_far(job_id)
            return so_far is not None and so_far.text == text

        await eventually(there, what=f"{text!r} is there")

    async def appends(self) -> int:
        """Return how often pieces were sent: each time by one call of one script."""
        stats = await self.driver.redis.info("commandstats")
        return int(stats.get("cmdstat_publish", {}).get("calls", 0))

    def close(self) -> None:
        self._open.close()


@pytest.fixture
async def worker(driver: Driver) -> AsyncIterator[Worker]:
    worker = Worker(driver)
    token_stream = asyncio.create_task(worker.publisher.publish_forever())
    yield worker
    worker.close()
    await stop(token_stream)


async def running(driver: Driver, count: int) -> list[str]:
    """Return the ids of jobs whose calls are under way."""
    await driver.announce(slots=count)
    ids = [await driver.submit(f"prompt {at}", stream=True) for at in range(count)]
    await driver.bind_many(ids)
    for job_id in ids:
        await driver.claim(job_id)
    return ids


async def test_the_pieces_of_a_call_arrive_in_order_and_are_gathered(driver: Driver, worker: Worker) -> None:
    [job_id] = await running(driver, 1)
    _, token_stream = worker.calls(job_id)
    before = await worker.appends()
    text = "".join(f"wörd {at} " for at in range(500))
    for at in range(500):
        token_stream.on_text(f"wörd {at} ")
        if at % 100 == 0:
            await asyncio.sleep(0)
    await worker.until_text(job_id, text)
    assert await worker.appends() - before <= 6
    assert token_stream.first_token_seconds is not None


async def test_all_calls_of_a_process_share_a_round_trip(driver: Driver, worker: Worker) -> None:
    ids = await running(driver, 20)
    tellings = [worker.calls(job_id)[1] for job_id in ids]
    await driver.redis.config_resetstat()
    for token_stream in tellings:
        token_stream.on_text("at the same moment")
    for job_id in ids:
        await worker.until_text(job_id, "at the same moment")
    stats = await driver.redis.info("commandstats")
    scripts = sum(stats.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("evalsha", "eval"))
    assert scripts <= 2, "once, and once more where Redis did not know the script"


async def test_a_stale_call_is_stopped_and_says_no_more(driver: Driver, worker: Worker) -> None:
    [job_id] = await running(driver, 1)
    lease, token_stream = worker.calls(job_id)
    lease.call = asyncio.create_task(asyncio.Event().wait())  # type: ignore[arg-type] # any task, and a text that is there
    await driver.jobs.cancel(job_id)
    token_stream.on_text("nobody listens")
    await asyncio.wait([lease.call], timeout=30)
    assert lease.call.cancelled()
    assert lease.lost
    assert not await driver.redis.exists(driver.keys.key("streamed_text", job_id))


async def test_a_call_whose_earlier_words_redis_lost_goes_on(driver: Driver, worker: Worker) -> None:
    [job_id] = await running(driver, 1)
    lease, token_stream = worker.calls(job_id)
    token_stream.on_text("one ")
    await worker.until_text(job_id, "one ")
    await driver.redis.delete(driver.keys.key("streamed_text", job_id))  # as a failover may
    token_stream.on_text("two")
    await worker.publisher.finish(job_id, 1, failed=False)
    assert not lease.lost
    assert await driver.settle(job_id, settlement=success()) is JobState.SUCCEEDED


async def test_while_redis_refuses_the_pieces_are_kept_in_order(
    driver: Driver, worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    [job_id] = await running(driver, 1)
    _, token_stream = worker.calls(job_id)
    token_stream.on_text("one ")
    await worker.until_text(job_id, "one ")
    await driver.redis.config_set("maxmemory", 1)
    token_stream.on_text("two ")

    async def refused() -> bool:  # not counted by Redis itself: 6.2 does not count what a script was refused
        return caplog.text.count("Redis refuses to write") >= 2

    await eventually(refused, what="the second try was refused too")
    token_stream.on_text("three")
    await driver.redis.config_set("maxmemory", 0)
    await worker.until_text(job_id, "one two three")


async def test_a_redis_that_takes_no_words_does_not_hold_up_the_settle(driver: Driver, worker: Worker) -> None:
    [job_id] = await running(driver, 1)
    _, token_stream = worker.calls(job_id)
    token_stream.on_text("one ")
    await worker.until_text(job_id, "one ")
    await driver.redis.config_set("maxmemory", 1)
    token_stream.on_text("two")
    async with asyncio.timeout(60):
        await worker.publisher.finish(job_id, 1, failed=False)
    answer = {**RESULT, "answer": {"text": "one two", "finish_reason": "stop"}}
    end = dataclasses.replace(success(), result=answer)
    assert await driver.settle(job_id, settlement=end) is JobState.SUCCEEDED


async def test_all_words_are_there_before_the_job_is_settled(driver: Driver, worker: Worker) -> None:
    ids = await running(driver, 20)
    for job_id in ids:
        worker.calls(job_id)[1].on_text("the last words")
    finishing = (worker.publisher.finish(job_id, 1, failed=False) for job_id in ids)
    await asyncio.gather(*finishing)
    for job_id in ids:
        so_far = await driver.jobs.text_so_far(job_id)
        assert so_far is not None
        assert so_far.text == "the last words"


async def test_words_of_a_failed_call_that_nobody_has_received_leave_the_job_a_second_try(
    driver: Driver, worker: Worker
) -> None:
    unsent, sent = await running(driver, 2)
    worker.calls(unsent)[1].on_text("not yet sent")
    await worker.publisher.finish(unsent, 1, failed=True)
    _, token_stream = worker.calls(sent)
    token_stream.on_text("The answer is")
    await worker.until_text(sent, "The answer is")
    token_stream.on_text(" 4")
    await worker.publisher.finish(sent, 1, failed=True)
    assert (await driver.jobs.text_so_far(sent)).text == "The answer is 4"  # type: ignore[union-attr] # any task, and a text that is there
    end = failure("bad_response", state=JobState.PENDING, lane="technical_support|default|gpt-4,claude")
    assert await driver.settle(unsent, settlement=end) is JobState.PENDING
    assert await driver.settle(sent, settlement=end) is JobState.FAILED


async def test_an_ended_call_sends_nothing_more(driver: Driver, worker: Worker) -> None:
    [job_id] = await running(driver, 1)
    await driver.redis.config_set("maxmemory", 1)
    with worker.publisher.open_stream(HeldJob("gpt-4", job_id, 1)) as token_stream:
        token_stream.on_text("never sent")
        finishing = asyncio.create_task(worker.publisher.finish(job_id, 1, failed=False))
        await asyncio.sleep(0)
    async with asyncio.timeout(60):
        await finishing
    assert token_stream.waiting == ""
