"""The whole way of a job on every Redis server of this machine: the oldest that is supported is 6.2."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from pointsman.local.embedded_redis import HOW_TO_INSTALL
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.store import check_server, open_redis
from pointsman.router.vocabulary.job import JobState
from tests.support.redis_server import installed_servers, missing, running_redis
from tests.support.store_driver import Driver, failure, success

SERVERS = installed_servers()


@pytest_asyncio.fixture(params=SERVERS or ["none"])
async def driver(request: pytest.FixtureRequest, tmp_path: Path, catalog: Catalog) -> AsyncIterator[Driver]:
    """A driver on a server of this test's own."""
    if request.param not in SERVERS:
        missing(HOW_TO_INSTALL)
    with running_redis(tmp_path, binary=SERVERS[request.param], options={"appendonly": "yes"}) as server:
        client = open_redis(server.url)
        settings = Settings(_env_file=None, redis_url=server.url, lease_seconds=2, release_seconds=1)
        yield Driver(client, settings=settings, catalog=catalog)
        await client.aclose()


async def test_every_verb_runs_on_this_server(driver: Driver) -> None:
    assert await check_server(driver.redis, driver.settings) == []
    await driver.announce(slots=8)
    await driver.reap()
    await driver.reap_for(3)
    done, lost, released, cancelled, expired = [
        await driver.submit(expires_in=5 if at == 4 else None) for at in range(5)
    ]
    assert await driver.bind_many([done, lost, released, cancelled]) == ["bound"] * 4
    assert await driver.queued() == [f"{job_id}.1" for job_id in (done, lost, released, cancelled)]
    for job_id in (done, lost):
        assert await driver.claim(job_id) is not None
    lane = "technical_support|default|gpt-4,claude"
    again = failure(state=JobState.PENDING, lane=lane, wait_seconds=0.5)
    assert await driver.settle(done, settlement=again) is JobState.PENDING
    assert (await driver.cancel(cancelled)).after == "cancelled"
    assert await driver.reap_for(2) == (1, 0)
    assert await driver.release_due() == 1
    assert await driver.rounds.promote(now=driver.now) == 1
    await driver.announce(slots=8)  # a worker that lost a job counts for nothing until it says that it lives
    assert await driver.bind(done) == "bound"
    assert await driver.claim(done, 2) is not None
    assert await driver.renew(done, 2)
    assert await driver.settle(done, 2, settlement=success()) is JobState.SUCCEEDED
    driver.pass_seconds(5)
    assert await driver.rounds.expire(now=driver.now) == 1
    states = [await driver.state(job_id) for job_id in (done, lost, released, cancelled, expired)]
    assert states == ["succeeded", "pending", "pending", "cancelled", "expired"]
    driver.pass_seconds(driver.settings.dead_ttl_seconds)
    assert await driver.rounds.prune(now=driver.now) == 3
