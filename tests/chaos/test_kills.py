"""What the records say of a dead worker, and what one does that has to quit while Redis is away."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.vocabulary.job import JobState
from pointsman.simulated import SimulatedModel, Simulation
from tests.support.live import Live, eventually, running_live
from tests.support.redis_server import running_redis

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


async def test_a_worker_asked_to_quit_while_redis_is_away_does_not_throw_its_answers_away(
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
