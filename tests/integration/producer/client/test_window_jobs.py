"""The window by itself: one job's trouble is its own, and nothing is left behind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import pytest_asyncio

from pointsman.producer.client.transports.redis import RedisTransport
from pointsman.producer.client.window import Item, JobEnd, JobWindow
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.store import open_redis
from pointsman.router.vocabulary.errors import Conflict, InvalidJob, UnknownJob
from pointsman.router.vocabulary.job import JobSpec
from tests.support.store_driver import Driver

SECONDS = 20.0
"""Longer than any of these waits takes; it ends at once where there is something."""


@pytest_asyncio.fixture
async def transport(settings: Settings, catalog: Catalog) -> AsyncIterator[RedisTransport]:
    opened = RedisTransport(open_redis(settings.redis_url), settings=settings, catalog=catalog)
    yield opened
    await opened.close()


class Source:
    """Gives its jobs as they are wanted, and knows how many were wanted each time."""

    def __init__(self, *specs: JobSpec) -> None:
        self._items = [Item(number, spec) for number, spec in enumerate(specs)]
        self.wanted: list[int] = []

    async def take(self, most: int) -> Sequence[Item[int]] | None:
        self.wanted.append(most)
        some, self._items = self._items[:most], self._items[most:]
        return some or None


def job(number: int, **fields: Any) -> JobSpec:
    return JobSpec(**{"prompt": "x", "task_class": "technical_support", "id": f"window-job-{number}"} | fields)


async def all_ends(window: JobWindow[int]) -> list[JobEnd[int]]:
    """Return every end, in order of their tags."""
    found: list[JobEnd[int]] = []
    while (some := await window.next_ends(SECONDS)) is not None:
        found += some
    return sorted(found, key=lambda end: end.tag)


async def cancel_each(driver: Driver, window: JobWindow[int], count: int) -> list[JobEnd[int]]:
    """Cancel what is in flight until so many have ended."""
    found: list[JobEnd[int]] = []
    while len(found) < count:
        for job_id in window.job_ids:
            await driver.cancel(job_id)
        found += await window.next_ends(0.05) or []
    return found


async def test_no_more_are_in_flight_than_the_window_has_room_for(
    transport: RedisTransport, driver: Driver
) -> None:
    source = Source(*(job(number) for number in range(20)))
    async with JobWindow(transport, source.take, window=8) as window:
        while len(window.job_ids) < 8:
            assert await window.next_ends(0.01) == []
        assert source.wanted == [8]
        found = await cancel_each(driver, window, 20)
        assert await window.next_ends(SECONDS) is None
    assert sorted(end.tag for end in found) == list(range(20))
    assert max(source.wanted) == 8


async def test_refused_jobs_end_with_their_error_and_the_others_go_on(
    transport: RedisTransport, driver: Driver
) -> None:
    await transport.submit_many([job(2, prompt="another")])
    source = Source(*(job(number, **({"model": "none"} if number == 5 else {})) for number in range(8)))
    async with JobWindow(transport, source.take) as window:
        found = await cancel_each(driver, window, 8)
    refused = {end.tag: type(end.error) for end in found if end.record is None}
    assert refused == {2: Conflict, 5: InvalidJob}
    assert sorted(end.tag for end in found) == list(range(8))


async def test_a_job_that_redis_lost_ends_with_an_error_and_the_others_go_on(
    transport: RedisTransport, driver: Driver
) -> None:
    source = Source(job(0), job(1), job(2))
    async with JobWindow(transport, source.take) as window:
        while len(window.job_ids) < 3:
            await window.next_ends(0.01)
        await driver.redis.delete(driver.keys.key("job", "window-job-1"))
        await driver.redis.publish(driver.keys.key("ended", "window-job-1"), "{}")
        found = await cancel_each(driver, window, 3)
    errors = {end.tag: end.error for end in found if end.error is not None}
    assert list(errors) == [1]
    assert isinstance(errors[1], UnknownJob)


async def test_two_that_are_the_same_job_end_both(transport: RedisTransport, driver: Driver) -> None:
    source = Source(job(0), job(0))
    async with JobWindow(transport, source.take) as window:
        found = await cancel_each(driver, window, 2)
        assert await window.next_ends(SECONDS) is None
    assert [end.record.id for end in found if end.record] == ["window-job-0"] * 2


async def test_what_the_source_raises_reaches_who_asks_for_ends(transport: RedisTransport) -> None:
    async def broken(_: int) -> Sequence[Item[int]] | None:
        raise LookupError("no more")

    async with JobWindow(transport, broken) as window:
        with pytest.raises(LookupError, match="no more"):
            await window.next_ends(SECONDS)


async def test_an_empty_source_is_at_its_end(transport: RedisTransport) -> None:
    async with JobWindow(transport, Source().take) as window:
        assert await all_ends(window) == []


async def test_who_leaves_early_leaves_jobs_that_go_on_and_no_subscription(
    transport: RedisTransport, driver: Driver
) -> None:
    async with JobWindow(transport, Source(job(0), job(1)).take) as window:
        while len(window.job_ids) < 2:
            await window.next_ends(0.01)
    assert await driver.redis.zcard(driver.keys.key("state", "pending")) == 2
    counts = await driver.redis.pubsub_numsub(*(driver.keys.key("ended", f"window-job-{at}") for at in (0, 1)))
    assert [count for _, count in counts] == [0, 0]
