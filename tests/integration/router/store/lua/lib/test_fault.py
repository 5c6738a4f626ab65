"""Scripts that look at many jobs look at each alone: a damaged one, and one without a record, hold up nobody."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from pointsman.router.store import ModelStore
from pointsman.router.vocabulary.job import JobState
from tests.support.poison import NO_RECORD
from tests.support.store_driver import Driver
from tests.support.store_invariants import Invariants

Step = Callable[[Driver], Awaitable[object]]


async def _reap(driver: Driver) -> None:
    await driver.reap_for(10)


async def _expire(driver: Driver) -> None:
    driver.pass_seconds(100_000)
    await driver.rounds.expire(now=driver.now)


async def _promote(driver: Driver) -> None:
    driver.pass_seconds(61)
    await driver.rounds.promote(now=driver.now)


DUTIES: Mapping[str, tuple[str, Step]] = {
    "release": ("bound", lambda driver: driver.release_due(all_of_them=True)),
    "reap": ("running", _reap),
    "promote": ("delayed", _promote),
    "expire waiting ones": ("pending", _expire),
    "expire bound ones": ("bound", _expire),
}
"""A duty, what state its jobs are in, and how it is done."""


async def bring(driver: Driver, state: str, count: int) -> list[str]:
    """Return jobs in a state."""
    await driver.announce(slots=100)
    await driver.reap()
    later = {"not_before": driver.now / 1000 + 60} if state == "delayed" else {}
    ids = [await driver.submit(expires_in=3600, **later) for _ in range(count)]
    if state in ("bound", "running"):
        assert set(await driver.bind_many(ids)) == {"bound"}
    if state == "running":
        for job_id in ids:
            assert await driver.claim(job_id)
    return ids


async def troubles(driver: Driver) -> dict[str, str]:
    """Return what is noted of each job; fails where one is noted twice."""
    found = [(trouble.id, trouble.what) for trouble in await driver.rounds.take_troubles()]
    assert len(dict(found)) == len(found)
    return dict(found)


@pytest.mark.parametrize("damage", NO_RECORD)
@pytest.mark.parametrize("duty", DUTIES)
async def test_ids_without_a_record_are_forgotten_and_the_others_go_on(
    driver: Driver, duty: str, damage: str
) -> None:
    state, step = DUTIES[duty]
    lost, good = await bring(driver, state, 3), await bring(driver, state, 3)
    for job_id in lost:
        await NO_RECORD[damage](driver.redis, driver.keys, job_id)
    await step(driver)
    states = {await driver.state(job_id) for job_id in good}
    assert states == {JobState.EXPIRED if "expire" in duty else JobState.PENDING}
    assert await troubles(driver) == dict.fromkeys(lost, "lost")
    assert await driver.ledger() == ([], [])
    for index in ("deadlines", "delayed", "intake"):
        assert not set(await driver.redis.zrange(driver.keys.key(index), 0, -1)) & set(lost)
    for job_id in lost:
        assert not await driver.redis.exists(driver.keys.key("request", job_id))
    if damage == "evicted":
        assert not await driver.redis.exists(*(driver.keys.key("job", job_id) for job_id in lost))
    if duty == "release":
        assert await driver.minute() == (0, 0)


async def test_the_lost_reservation_of_a_lost_job_does_not_stay(driver: Driver) -> None:
    lost, kept = await bring(driver, "bound", 2)
    await driver.redis.delete(driver.keys.key("job", lost))
    await driver.release_due(all_of_them=True)
    await Invariants(driver).check([kept])


@pytest.mark.parametrize("field", ["losses", "attempts", "deadline", "started", "binding"])
async def test_a_field_that_is_no_number_ends_that_job_and_no_other(driver: Driver, field: str) -> None:
    bad, good = await bring(driver, "running", 2)
    await driver.redis.hset(driver.keys.key("job", bad), field, "none")
    await _reap(driver)
    assert await driver.state(good) is JobState.PENDING
    assert await driver.ledger() == ([], [])
    for _ in range(3):
        driver.pass_seconds(20)
        await driver.rounds.promote(now=driver.now)
    assert await driver.redis.zcard(driver.keys.key("delayed")) == 0


async def test_a_damaged_webhook_does_not_keep_a_job_from_its_end(driver: Driver) -> None:
    bad, good = await bring(driver, "pending", 2)
    for nonsense, job_id in (("", bad), ("not a URL", good)):
        await driver.redis.hset(driver.keys.key("job", job_id), "webhook", nonsense)
    await _expire(driver)
    assert {await driver.state(job_id) for job_id in (bad, good)} == {JobState.EXPIRED}


async def test_a_job_that_is_damaged_while_bound_goes_to_quarantine_with_its_fault(driver: Driver) -> None:
    bad, good = await bring(driver, "bound", 2)
    await driver.redis.hset(driver.keys.key("job", bad), "faults", 2)
    await driver.redis.delete(driver.keys.key("events", bad))
    await driver.redis.hset(driver.keys.key("job", bad), "state", "running")  # in the wrong ledger
    await driver.release_due(all_of_them=True)
    assert await driver.state(good) is JobState.PENDING
    assert bad not in (await driver.ledger())[0]


async def test_an_id_in_a_lane_whose_job_does_not_wait_leaves_it(driver: Driver) -> None:
    (job_id,) = await bring(driver, "pending", 1)
    lane: Any = await driver.redis.hget(driver.keys.key("job", job_id), "lane")  # type: ignore[misc] # redis-py types are of both clients
    await driver.cancel(job_id)
    await driver.redis.zadd(driver.keys.key("lane", lane), {job_id: 1})
    await driver.redis.zadd(driver.keys.key("lanes"), {lane: 1})
    assert await driver.bind(job_id) == "gone"
    assert await driver.lanes() == {}


@pytest.mark.parametrize("damage", NO_RECORD)
async def test_binding_many_is_not_stopped_by_one_without_a_record(driver: Driver, damage: str) -> None:
    first, lost, last = await bring(driver, "pending", 3)
    lane: Any = await driver.redis.hget(driver.keys.key("job", lost), "lane")  # type: ignore[misc] # redis-py types are of both clients
    bind = driver.bind_many
    await NO_RECORD[damage](driver.redis, driver.keys, lost)
    waiting = [await driver._waiting(first), await driver._waiting(last)]
    driver._waiting = _known({job.id: job for job in waiting}, waiting[0])  # type: ignore[method-assign] # this one object tells what it wants
    answers = await bind([first, lost, last])
    assert answers[0] == answers[2] == "bound"
    assert answers[1] in ("gone", "faulty")
    assert await driver.redis.zrange(driver.keys.key("lane", lane), 0, -1) == []


def _known(jobs: Mapping[str, Any], like: Any) -> Callable[[str], Awaitable[Any]]:
    async def waiting(job_id: str) -> Any:
        return jobs.get(job_id) or replace(like, id=job_id)

    return waiting


async def test_a_redis_that_refuses_to_write_is_nobodys_fault(driver: Driver) -> None:
    job_ids = await bring(driver, "bound", 3)
    await driver.redis.config_set("min-replicas-to-write", 5)
    try:
        with pytest.raises(Exception, match=r"refuses to write"):
            await driver.release_due(all_of_them=True)
    finally:
        await driver.redis.config_set("min-replicas-to-write", 0)
    assert await troubles(driver) == {}
    assert {await driver.state(job_id) for job_id in job_ids} == {JobState.BOUND}


async def test_what_is_noted_has_a_bound(driver: Driver) -> None:
    key = driver.keys.key("troubles")
    row = json.dumps({"id": "x", "what": "lost", "why": "", "times": 0})
    await driver.redis.rpush(key, *[row] * 1500)  # type: ignore[misc] # redis-py types are of both clients
    (job_id,) = await bring(driver, "delayed", 1)
    await driver.redis.delete(driver.keys.key("job", job_id))
    await _promote(driver)
    assert await driver.redis.llen(key) == 1000  # type: ignore[misc] # redis-py types are of both clients


async def test_a_worker_that_announces_nonsense_counts_for_nothing(driver: Driver) -> None:
    for at, nonsense in enumerate(("{", "7", '{"slots":"many","expires":9e15}', '{"expires":9e15}')):
        await driver.redis.hset(driver.keys.key("workers", "gpt-4"), f"w{at}", nonsense)
    await driver.announce(slots=3)
    assert (await driver.read()).states["gpt-4"].announced == 3


@pytest.mark.parametrize("damage", ["", "nonsense", "7"])
async def test_who_lives_is_known_beside_a_damaged_announcement(driver: Driver, damage: str) -> None:
    await driver.announce()
    await driver.redis.hset(driver.keys.key("workers", "gpt-4"), "w2", damage)
    models = ModelStore(driver.redis, settings=driver.settings, catalog=driver.catalog)
    assert await models.live_workers("gpt-4") == ["w1"]
