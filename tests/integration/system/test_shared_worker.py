"""A live worker of several models: each has its own number of slots, whatever the others do."""

from __future__ import annotations

import asyncio

import pytest
from celery import Celery

from pointsman.router.broker.message import celery_config
from pointsman.router.routing.catalog import Catalog
from pointsman.router.vocabulary.job import JobState
from pointsman.simulated.settings import SimulationChanges
from tests.support.live import Live

SLOTS = {"gpt-4": 8, "claude": 3, "gemini": 1}
SECONDS = {"gpt-4": 0.6, "claude": 0.1, "gemini": 0.02}
JOBS = {"gpt-4": 40, "claude": 60, "gemini": 60}


@pytest.fixture
def catalog(catalog: Catalog) -> Catalog:
    """Three models with different numbers of slots, each known by its name at the simulated server."""
    data = catalog.model_dump()
    for name, slots in SLOTS.items():
        data["models"][name] |= {"worker_concurrency": slots, "upstream": name}
    return Catalog.model_validate(data)


def start_shared(live: Live, *more: str, **seconds: float) -> None:
    """Start one worker of all three models, and a dispatcher; `gpt_4` is how long a call of gpt-4 takes."""
    takes = {name: seconds.get(name.replace("-", "_"), usual) for name, usual in SECONDS.items()}
    live.server.simulation = live.server.simulation.changed(
        SimulationChanges(models={name: {"base_seconds": seconds} for name, seconds in takes.items()})
    )
    models = [option for name in SLOTS for option in ("--model", name)]
    live.start(live.python, "-m", "pointsman", "work", *models, "-n", "shared", *more, name="worker-shared")
    live.dispatcher()


async def submit_all(live: Live) -> list[str]:
    """Submit more jobs for each model than it has slots."""
    return [job_id for name, count in JOBS.items() for job_id in await live.submit(count, model=name)]


def most_in_flight(live: Live) -> dict[str, int]:
    """Return the most calls that each model had at the simulated server at once."""
    return {name: counts["most_in_flight"] for name, counts in live.server.ledger.report()["models"].items()}


async def test_each_model_has_its_own_number_of_calls_in_flight(live: Live) -> None:
    start_shared(live)
    await live.until_capacity(gpt_4=8, claude=3, gemini=1)
    records = await live.until_done(await submit_all(live))
    assert {record.state for record in records} == {JobState.SUCCEEDED}, live.logs()
    assert most_in_flight(live) == SLOTS


async def test_fewer_slots_are_shared_in_proportion_and_hold_for_each(live: Live) -> None:
    start_shared(live, "-c", "6")
    await live.until_capacity(gpt_4=4, claude=1, gemini=1)
    await live.until_done(await submit_all(live))
    assert most_in_flight(live) == {"gpt-4": 4, "claude": 1, "gemini": 1}


async def test_a_pool_that_grows_and_a_queue_that_is_added_change_the_shares_at_once(live: Live) -> None:
    live.dispatcher()
    live.worker("gpt-4")
    await live.until_capacity(gpt_4=8)
    control = Celery("someone", config_source=celery_config(live.settings)).control
    await asyncio.to_thread(control.add_consumer, "llm.claude", reply=True)
    await live.until_capacity(gpt_4=6, claude=2)
    await asyncio.to_thread(control.pool_grow, 14, reply=True)
    await live.until_capacity(gpt_4=16, claude=6)
    await live.until_done(await live.submit(60, model="gpt-4") + await live.submit(60, model="claude"))
    assert most_in_flight(live) == {"gpt-4": 16, "claude": 6}
    await asyncio.to_thread(control.cancel_consumer, "llm.claude", reply=True)
    await live.until_capacity(gpt_4=22)


async def test_calls_of_a_lost_connection_count_until_they_end(live: Live) -> None:
    start_shared(live, gpt_4=4.0)
    await live.until_capacity(gpt_4=8, claude=3, gemini=1)
    ids = await live.submit(24, model="gpt-4")
    await live.until_calling(8)
    await live.redis.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    ids += await live.submit(10, model="claude")
    await live.until_done(ids[24:])  # by a worker that is back, while the calls of gpt-4 go on
    assert live.in_flight() == 8
    records = await live.until_done(ids)
    assert {record.state for record in records} == {JobState.SUCCEEDED}, live.logs()
    assert most_in_flight(live) == {"gpt-4": 8, "claude": 3}
    assert all(record.losses == 0 for record in records)
