"""What happens when processes die: no job is lost, no result comes twice."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from live import Live, eventually, running_live
from redis_server import running_redis

from pointsman.simulated import SimulatedModel, Simulation
from router.catalog import Catalog
from router.job import JobState
from router.settings import Settings

SLOW = Simulation(default=SimulatedModel(base_seconds=0.8, answer_tokens=10, tokens_per_second=1000))


@pytest_asyncio.fixture
async def live(settings: Settings, catalog: Catalog, tmp_path: Path) -> AsyncIterator[Live]:
    async with running_live(settings, catalog, tmp_path, SLOW) as found:
        yield found


async def until_calling(live: Live, count: int) -> None:
    async def calling() -> bool:
        return live.in_flight() >= count

    await eventually(calling, what=f"{count} calls in flight")


async def test_a_killed_worker_gives_its_jobs_back_within_one_lease(live: Live) -> None:
    live.dispatcher()
    victim = live.worker("gpt-4")
    await live.until_capacity(gpt_4=4)
    # a reap that has only just begun spares everybody for one lease
    await asyncio.sleep(live.settings.lease_seconds)
    ids = await live.submit(4, task_class="technical_support")
    await until_calling(live, 4)
    live.worker("claude")
    victim.kill()
    killed = time.time()
    records = await live.until_done(ids)
    assert {record.state for record in records} == {JobState.SUCCEEDED}
    for record in records:
        assert record.losses == 1
        assert record.attempts == 1
        assert [attempt.kind for attempt in record.history] == ["worker_lost", None]
        lost = record.history[0].ended
        assert lost is not None
        # one lease, the reaper's own rhythm, and room for a busy machine: it is the bound that is tested, not speed
        assert lost - killed < live.settings.lease_seconds + live.settings.upkeep_seconds + 2
    assert all(live.paid(f"prompt {at}") <= 2 for at in range(4))


async def test_a_worker_that_slept_past_its_lease_can_not_overwrite_the_result(live: Live) -> None:
    live.dispatcher()
    sleeper = live.worker("gpt-4")
    await live.until_capacity(gpt_4=4)
    await asyncio.sleep(live.settings.lease_seconds)
    [job_id] = await live.submit(1, task_class="technical_support")
    await until_calling(live, 1)
    os.killpg(sleeper.pid, signal.SIGSTOP)
    live.worker("claude")
    [record] = await live.until_done([job_id])
    assert record.model == "claude"
    os.killpg(sleeper.pid, signal.SIGCONT)

    async def dropped() -> bool:
        return "dropped" in live.logs() or "stopped" in live.logs()

    await eventually(dropped, what="the sleeper finds that the job is not its own", seconds=15)
    again = await live.jobs.get(job_id)
    assert again == record


async def test_jobs_go_on_when_a_dispatcher_is_killed_and_another_runs(live: Live) -> None:
    first, _second = live.dispatcher(), live.dispatcher()
    live.worker("gpt-4")
    ids = await live.submit(10, task_class="technical_support")
    await until_calling(live, 1)
    first.kill()
    records = await live.until_done(ids)
    assert {record.state for record in records} == {JobState.SUCCEEDED}
    assert [live.paid(f"prompt {at}") for at in range(10)] == [1] * 10


async def test_random_kills_of_workers_lose_nothing_and_double_no_result(live: Live) -> None:
    live.dispatcher()
    live.worker("claude")
    victims = [live.worker("gpt-4") for _ in range(2)]
    await live.until_capacity(gpt_4=8, claude=4)
    ids = await live.submit(60, task_class="technical_support")
    for victim in victims:
        await until_calling(live, 4)
        await asyncio.sleep(0.5)
        victim.kill()
        live.worker("gpt-4")
    records = await live.until_done(ids)
    assert {record.state for record in records} == {JobState.SUCCEEDED}
    for at, record in enumerate(records):
        # a call is paid again only where a worker died with it
        assert live.paid(f"prompt {at}") <= 1 + record.losses
        assert sum(attempt.kind is None for attempt in record.history) == 1


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_redis_goes_away_and_comes_back_and_every_job_ends_once(
    settings: Settings, catalog: Catalog, tmp_path: Path, how: signal.Signals
) -> None:
    """The worker lives through it by itself: what happened was in flight is settled when Redis is back."""
    folder = tmp_path / "redis"
    folder.mkdir()
    options = {"appendonly": "yes", "appendfsync": "always"}
    with running_redis(folder, options=options) as server:
        own = settings.model_copy(update={"redis_url": server.url, "lease_seconds": 3.0})
        async with running_live(own, catalog, tmp_path, SLOW) as live:
            live.dispatcher()
            worker = live.worker("gpt-4")
            ids = await live.submit(12, task_class="technical_support")
            await until_calling(live, 4)
            os.kill(server.pid, how)
            await asyncio.sleep(1.5)
            with running_redis(folder, port=server.port, options=options):
                records = await live.until_done(ids)
                assert worker.poll() is None, f"the worker died: {live.logs()}"
                assert {record.state for record in records} == {JobState.SUCCEEDED}, live.logs()
                assert all(sum(a.kind is None for a in record.history) == 1 for record in records)
                assert [live.paid(f"prompt {at}") for at in range(12)] == [1] * 12


async def test_a_worker_told_to_quit_while_redis_is_away_does_not_throw_its_answers_away(
    settings: Settings, catalog: Catalog, tmp_path: Path
) -> None:
    folder = tmp_path / "redis"
    folder.mkdir()
    options = {"appendonly": "yes", "appendfsync": "always"}
    with running_redis(folder, options=options) as server:
        own = settings.model_copy(update={"redis_url": server.url, "lease_seconds": 6.0})
        async with running_live(own, catalog, tmp_path, SLOW) as live:
            live.dispatcher()
            worker = live.worker("gpt-4")
            ids = await live.submit(4, task_class="technical_support")
            await until_calling(live, 4)
            os.kill(server.pid, signal.SIGKILL)

            async def answered() -> bool:
                return live.in_flight() == 0

            await eventually(answered, what="every call is answered")
            worker.send_signal(signal.SIGQUIT)
            await asyncio.sleep(1.0)
            with running_redis(folder, port=server.port, options=options):
                records = await live.until_done(ids)
                assert {record.state for record in records} == {JobState.SUCCEEDED}, live.logs()
                assert [live.paid(f"prompt {at}") for at in range(4)] == [1] * 4
