"""A model that hangs, is dead or is unknown at its address takes no jobs from the one beside it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from pointsman.local.ports import free_port
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.vocabulary.job import JobRecord, JobState
from pointsman.simulated import SimulatedModel, Simulation, running_server
from pointsman.simulated.catalog import write_catalog
from tests.support.live import Live, eventually, running_live

pytestmark = pytest.mark.timeout(180)

TIMEOUT_SECONDS = 5.0
HANGS = SimulatedModel(base_seconds=600)
QUICK = SimulatedModel(base_seconds=0.5, answer_tokens=5, tokens_per_second=1000, jitter=0)
SLOTS = 4


@asynccontextmanager
async def two_models(
    settings: Settings, folder: Path, *, other: SimulatedModel = QUICK, broken_url: str = "", **row: Any
) -> AsyncIterator[Live]:
    """Yield two equal models, `steady` and `broken`, with a dispatcher and a worker each."""
    model = {"format": "openai", "base_url": "http://127.0.0.1:1/v1", "worker_concurrency": SLOTS}
    model |= {"timeout_seconds": TIMEOUT_SECONDS, **row}
    catalog = Catalog.model_validate(
        {
            "models": {name: {**model, "upstream": name} for name in ("steady", "broken")},
            "task_classes": {"any": {"models": ["broken", "steady"]}},
            "default_class": "any",
        }
    )
    simulation = Simulation(models={"steady": QUICK, "broken": other})
    async with running_live(settings, catalog, folder, simulation) as live:
        if broken_url:
            _move(live, broken_url.replace("SERVER", live.catalog.models["steady"].base_url))
        live.dispatcher()
        for name in ("steady", "broken"):
            live.worker(name)
        await live.until_capacity(steady=SLOTS, broken=SLOTS)
        yield live


def _move(live: Live, base_url: str) -> None:
    """Give the model `broken` another address, in the file that every part reads."""
    broken = live.catalog.models["broken"].model_copy(update={"base_url": base_url})
    moved = live.catalog.model_copy(update={"models": {**live.catalog.models, "broken": broken}})
    write_catalog(moved, live.models_file)


def calls(live: Live, model: str) -> int:
    """Return how many calls of a model have reached the server."""
    counts = live.server.ledger.report()["models"].get(model)
    return int(counts["requests"]) if counts else 0


def kinds(record: JobRecord) -> list[tuple[str, str]]:
    return [(attempt.model, str(attempt.kind or "succeeded")) for attempt in record.history]


@pytest.mark.parametrize("strategy", ["least_connections", "round_robin", "consistent_hash"])
async def test_of_two_equal_models_one_hangs_from_the_start(
    settings: Settings, tmp_path: Path, strategy: str
) -> None:
    async with two_models(settings, tmp_path, other=HANGS) as live:
        began = time.monotonic()
        ids = await live.submit(60, task_class="any", strategy=strategy)
        await asyncio.sleep(TIMEOUT_SECONDS)
        by_then = calls(live, "broken")
        assert by_then <= SLOTS
        records = await live.until_done(ids)
        seconds = time.monotonic() - began
    assert {record.state for record in records} == {JobState.SUCCEEDED}
    assert calls(live, "broken") - by_then <= 3
    assert seconds <= 2 * TIMEOUT_SECONDS + 60 / SLOTS * QUICK.base_seconds + 2
    moved = [record for record in records if len(record.history) > 1]
    assert moved, "somebody was called by the one that hangs"
    assert all(kinds(record) == [("broken", "timeout"), ("steady", "succeeded")] for record in moved)
    decision: Any = moved[0].history[1].decision
    assert "broken" in decision["ruled_out"]


async def test_a_model_that_begins_to_hang_is_suspect_before_its_calls_time_out(
    settings: Settings, tmp_path: Path
) -> None:
    async with two_models(settings, tmp_path, timeout_seconds=60) as live:
        await live.until_done(await live.submit(60, task_class="any"))
        live.server.simulation = Simulation(models={"steady": QUICK, "broken": HANGS})
        before = calls(live, "broken")
        ids = await live.submit(60, task_class="any", start=100)

        async def suspect() -> bool:
            return (await live.view("broken")).status.startswith("suspect: ")

        await eventually(suspect, what=f"suspect; {live.logs()}", seconds=20)

        async def all_but_the_hanging() -> bool:
            return sum(record.done for record in await live.jobs.get_many(ids) if record) >= 60 - SLOTS - 1

        await eventually(all_but_the_hanging, what="the others are done", seconds=20)
        assert calls(live, "broken") - before <= SLOTS + 1


async def test_a_model_with_nobody_at_its_address_takes_no_attempts(settings: Settings, tmp_path: Path) -> None:
    async with two_models(settings, tmp_path, broken_url=f"http://127.0.0.1:{free_port()}/v1") as live:
        await live.until_done(await live.submit(8, task_class="any", model="steady"))
        for at in range(6):  # the steady one has served more: failing must not look like having served less
            (job_id,) = await live.submit(1, task_class="any", start=100 + at)
            (record,) = await live.until_done([job_id], seconds=10)
            assert record.state == JobState.SUCCEEDED
            assert kinds(record)[-1] == ("steady", "succeeded")
            assert len(record.history) <= 2
            assert record.attempts == 1


async def test_a_pinned_job_rides_out_a_restart_of_its_server(settings: Settings, tmp_path: Path) -> None:
    port = free_port()
    async with two_models(settings, tmp_path, broken_url=f"http://127.0.0.1:{port}/v1") as live:
        ids = await live.submit(3, task_class="any", model="broken")
        await asyncio.sleep(8)
        assert not any(record.done for record in await live.jobs.get_many(ids) if record)
        simulation = Simulation(models={"broken": QUICK})
        async with running_server(simulation, port=port):
            records = await live.until_done(ids, seconds=60)
    assert [record.state for record in records] == [JobState.SUCCEEDED] * 3
    assert {record.attempts for record in records} == {1}


async def test_a_model_that_its_server_does_not_know_is_closed_and_no_job_fails(
    settings: Settings, tmp_path: Path
) -> None:
    async with two_models(settings, tmp_path, broken_url="SERVER/nothing/here") as live:
        records = await live.until_done(await live.submit(40, task_class="any"))
        status = (await live.view("broken")).status
    assert {record.state for record in records} == {JobState.SUCCEEDED}
    assert status.startswith("down: misconfigured: ")
    assert sum(len(record.history) - 1 for record in records) <= SLOTS + 2


async def test_jobs_of_a_killed_worker_go_to_the_model_that_has_one(settings: Settings, tmp_path: Path) -> None:
    async with two_models(settings, tmp_path, other=HANGS, timeout_seconds=120) as live:
        ids = await live.submit(2, task_class="any")

        async def calling() -> bool:
            return calls(live, "broken") > 0

        await eventually(calling, what="a call of the worker that is killed")
        worker = live.processes[-1]
        worker.kill()
        records = await live.until_done(ids, seconds=30)
    assert all(kinds(record)[-1] == ("steady", "succeeded") for record in records)
    assert any(kinds(record)[0] == ("broken", "worker_lost") for record in records)
