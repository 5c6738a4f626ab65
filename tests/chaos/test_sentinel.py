"""Another Redis takes over: every part finds it by itself, and what was lost with the old one is counted."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio
from celery import Celery

from pointsman import AsyncClient
from pointsman.router.broker.message import celery_config
from pointsman.router.broker.transport import WATCH_SECONDS
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.vocabulary.errors import StoreUnavailable
from pointsman.router.vocabulary.job import JobRecord, JobState
from pointsman.simulated import SimulatedModel, Simulation
from tests.support.live import Live, eventually, running_live
from tests.support.redis_sentinels import Sentinels, running_sentinels

STEADY = Simulation(default=SimulatedModel(base_seconds=0.2, answer_tokens=10, tokens_per_second=1000))
SLOTS = 20
PORTION = 20


@pytest.fixture
def sentinels(tmp_path: Path) -> Iterator[Sentinels]:
    with running_sentinels(tmp_path) as found:
        yield found


@pytest_asyncio.fixture
async def live(sentinels: Sentinels, settings: Settings, catalog: Catalog, tmp_path: Path) -> AsyncIterator[Live]:
    """A dispatcher and a worker behind the sentinels."""
    times = {"lease_seconds": 3.0, "release_seconds": 5.0}
    own = settings.model_copy(update={"redis_url": sentinels.url, **times})
    async with running_live(own, catalog, tmp_path, STEADY) as found:
        found.dispatcher()
        found.worker("gpt-4", "-c", str(SLOTS))
        await found.until_capacity(gpt_4=SLOTS)
        yield found


@pytest.mark.parametrize(
    ("how", "count"),
    [
        (signal.SIGKILL, 160),
        pytest.param(signal.SIGKILL, 500, marks=pytest.mark.chaos),
        pytest.param(signal.SIGSTOP, 500, marks=pytest.mark.chaos),
    ],
)
async def test_the_primary_dies_or_freezes_in_the_middle_of_the_work(
    live: Live, sentinels: Sentinels, how: signal.Signals, count: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the replica had not got yet is gone, so a job may be gone, or be done again; none hangs."""
    async with client_of(live) as client:
        submitting = asyncio.create_task(submit(client, count))
        await until_succeeded(live, count // 5)
        sentinels.silence_primary(how)
        ids = await submitting
        found = await until_all_that_is_left_has_ended(live, ids)
    assert_each_ended_once(live, found)
    await assert_nothing_hangs(live)
    report(live, ids, found, capsys, f"{how.name} of the primary")
    assert len(ids) - len(found) <= PORTION  # what was acknowledged within the last moments before the kill


@pytest.mark.chaos
@pytest.mark.parametrize("guarded", [True, False])
async def test_a_clean_failover_loses_nothing_that_the_replica_had(
    live: Live, sentinels: Sentinels, guarded: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """The old primary takes writes until it is told, which only min-replicas-to-write makes it refuse at once."""
    sentinels.guard(guarded)
    async with client_of(live) as client:
        safe = await submit(client, 60)
        sentinels.until_replicated()
        sentinels.fail_over()
        ids = safe + await submit(client, 100, start=60)
        sentinels.until_replica_leads()
        await asyncio.sleep(2 * WATCH_SECONDS)  # nothing tells when every part has looked
        last = await client.submit("after the failover", task_class="technical_support")
        assert (await client.result(last, timeout=60)).answer.text
    found = await until_all_that_is_left_has_ended(live, ids)
    assert {record.id for record in found} >= set(safe)
    assert_each_ended_once(live, found)
    await assert_nothing_hangs(live)
    assert await celery_reads(live, last) == "SUCCESS"
    report(live, ids, found, capsys, f"SENTINEL FAILOVER, {'with' if guarded else 'without'} min-replicas-to-write")


def client_of(live: Live) -> AsyncClient:
    url, prefix = live.settings.redis_url, live.settings.key_prefix
    return AsyncClient(url, models_file=live.models_file, key_prefix=prefix, retries=12)


async def submit(client: AsyncClient, count: int, *, start: int = 0) -> list[str]:
    """Submit in portions, a few a second, so that some are on their way when the primary dies."""
    ids: list[str] = []
    for first in range(start, start + count, PORTION):
        prompts = [f"prompt {at}" for at in range(first, first + PORTION)]
        ids += await client.submit_many(prompts, task_class="technical_support")
        await asyncio.sleep(0.1)
    return ids


async def until_succeeded(live: Live, count: int) -> None:
    async def so_many() -> bool:
        return (await live.view("gpt-4")).succeeded >= count

    await eventually(so_many, what=f"{count} jobs succeeded: {live.logs()}")


async def until_all_that_is_left_has_ended(live: Live, ids: Sequence[str]) -> list[JobRecord]:
    async def ended() -> list[JobRecord]:
        try:
            records = [record for record in await live.jobs.get_many(ids) if record is not None]
        except StoreUnavailable:
            return []
        return records if all(record.done for record in records) else []

    found: list[JobRecord] = await eventually(ended, what=f"every job ended: {live.logs()}", seconds=60)
    return found


def assert_each_ended_once(live: Live, records: Sequence[JobRecord]) -> None:
    for record in records:
        assert record.state is JobState.SUCCEEDED, live.logs()
        assert sum(attempt.kind is None for attempt in record.history) == 1
    assert all(process.poll() is None for process in live.processes), live.logs()


async def assert_nothing_hangs(live: Live) -> None:
    async def at_rest() -> bool:
        view = await live.view("gpt-4")
        return (view.depth, view.in_flight, view.waiting) == (0, 0, 0)

    await eventually(at_rest, what="nothing is bound, running or waiting")


async def celery_reads(live: Live, job_id: str) -> str:
    """Return the state that a plain Celery client finds behind the same sentinels."""
    app = Celery(set_as_current=False)
    app.conf.update(celery_config(live.settings))
    found = app.AsyncResult(job_id)
    await asyncio.to_thread(found.get, 20)
    app.close()
    return str(found.state)


def report(
    live: Live, ids: Sequence[str], found: Sequence[JobRecord], capsys: pytest.CaptureFixture[str], fault: str
) -> None:
    """Print what the fault did."""
    again = sum(max(0, live.paid(f"prompt {at}") - 1) for at in range(len(ids)))
    losses = sum(record.losses for record in found)
    with capsys.disabled():
        print(
            f"\n{fault}: {len(ids)} jobs acknowledged, {len(ids) - len(found)} gone, {again} calls paid again, "
            f"{losses} losses"
        )
