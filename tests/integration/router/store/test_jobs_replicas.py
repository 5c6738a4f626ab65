"""A submit that waits for replicas: what is accepted outlives the primary, and what they lack is not accepted."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from redis import Redis as SyncRedis
from redis.asyncio import Redis

from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.store import BatchStore, JobStore, open_redis
from pointsman.router.store.batches import NewBatch
from pointsman.router.vocabulary.errors import StoreUnavailable
from pointsman.router.vocabulary.job import JobSpec
from tests.support.live import eventually
from tests.support.redis_server import RedisServer, running_redis

PRODUCERS = 8


@dataclass(frozen=True)
class Pair:
    """A primary and its replica."""

    primary: RedisServer
    replica: RedisServer


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    for name in ("primary", "replica"):
        (tmp_path / name).mkdir()
    at_once = {"repl-diskless-sync-delay": "0"}
    with (
        running_redis(tmp_path / "primary", options=at_once) as primary,
        running_redis(tmp_path / "replica") as replica,
    ):
        with SyncRedis(port=replica.port) as client:
            client.replicaof("127.0.0.1", primary.port)
        try:
            yield Pair(primary, replica)
        finally:
            for server in (primary, replica):
                let(server, signal.SIGCONT)


def let(server: RedisServer, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(server.pid, number)


@pytest_asyncio.fixture
async def redis(pair: Pair) -> AsyncIterator[Redis]:
    client = open_redis(pair.primary.url)
    await client.set("written", "1")  # WAIT is for what a connection has written
    await eventually(lambda: follows(client), what="a replica", seconds=20)
    yield client
    await client.aclose()


async def follows(client: Redis) -> bool:
    return int(await client.execute_command("WAIT", 1, 100)) == 1


@pytest.fixture
def jobs(redis: Redis, pair: Pair, settings: Settings, catalog: Catalog) -> JobStore:
    own = settings.model_copy(update={"redis_url": pair.primary.url, "redis_wait_replicas": 1})
    return JobStore(redis, settings=own, catalog=catalog)


async def produce(jobs: JobStore, accepted: list[str]) -> None:
    """Submit one job after the other until the store refuses one."""
    while True:
        try:
            accepted.append(await jobs.submit(JobSpec(prompt="Why?", model="gpt-4")))
        except StoreUnavailable:
            return


@pytest.mark.parametrize("how", [signal.SIGSTOP, signal.SIGKILL])
async def test_no_job_that_was_accepted_is_lost_with_the_primary(
    jobs: JobStore, pair: Pair, how: signal.Signals
) -> None:
    accepted: list[str] = []
    producing = [asyncio.create_task(produce(jobs, accepted)) for _ in range(PRODUCERS)]
    async with asyncio.timeout(30):  # then the primary ends at any point of a submit
        while len(accepted) < 100:
            await asyncio.sleep(0.01)
            assert not all(task.done() for task in producing), "nothing is accepted"
    let(pair.primary, how)
    replica = open_redis(pair.replica.url)
    await replica.execute_command("REPLICAOF", "NO", "ONE")
    held = set(await replica.zrange(jobs.keys.key("state", "pending"), 0, -1))
    let(pair.primary, signal.SIGKILL)
    await asyncio.gather(*producing)
    await replica.aclose()
    assert set(accepted) - held == set()


async def test_what_the_replica_does_not_have_is_not_accepted(
    jobs: JobStore, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pointsman.router.store.scripts.REPLICATED_MS", 200)
    let(pair.replica, signal.SIGSTOP)
    spec = JobSpec(prompt="Why?", model="gpt-4", id="0123456789ab-00001")
    with pytest.raises(StoreUnavailable, match="on 0 of 1 replicas"):
        await jobs.submit(spec)
    new = NewBatch(
        endpoint="/v1/chat/completions", input_file_id="file-1", completion_window="24h", window_seconds=60
    )
    with pytest.raises(StoreUnavailable, match="on 0 of 1 replicas"):
        await BatchStore(jobs).create(new, batch_id="batch_1", tenant="default")
    let(pair.replica, signal.SIGCONT)
    await eventually(lambda: follows(jobs.redis), what="the replica", seconds=20)
    assert await jobs.submit(spec) == spec.id, "the repeat finds the same job"


async def test_submits_of_the_same_moment_share_a_wait(jobs: JobStore) -> None:
    before = (await jobs.redis.info("commandstats"))["cmdstat_wait"]["calls"]
    await asyncio.gather(*(jobs.submit(JobSpec(prompt=f"Why {at}?", model="gpt-4")) for at in range(100)))
    after = (await jobs.redis.info("commandstats"))["cmdstat_wait"]["calls"]
    assert after - before <= 5
