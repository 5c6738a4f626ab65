"""Bind: slots, windows and closed models hold whatever a dispatcher believes; the order is that of the places."""

from __future__ import annotations

from random import Random

import pytest
from pydantic import ValidationError

from pointsman.router.config.settings import Settings
from pointsman.router.dispatcher.loop import Dispatcher
from pointsman.router.routing.catalog import Catalog
from pointsman.router.routing.plan import plan_round
from pointsman.router.store.calls import PauseModel
from pointsman.router.vocabulary.chat import ChatRequest
from pointsman.router.vocabulary.job import JobState
from tests.support.store_driver import Driver, failure, success


async def plan(driver: Driver) -> list[str]:
    """Return the job ids in the order in which a dispatcher would bind them now."""
    binds = plan_round(await driver.read(), driver.catalog, limit=100, random=Random(1)).binds
    return [bind.job.id for bind in binds]


async def test_the_highest_priority_goes_first_and_inside_one_the_first_submitted(driver: Driver) -> None:
    await driver.announce(slots=100)
    wanted: dict[int, list[str]] = {9: [], 5: [], 0: []}
    for _ in range(3):
        for priority in (0, 5, 9):
            wanted[priority].append(await driver.submit(priority=priority))
    assert await plan(driver) == [*wanted[9], *wanted[5], *wanted[0]]


async def test_order_holds_between_lanes_too(driver: Driver) -> None:
    await driver.announce(slots=100)
    kinds = [{"tenant": "acme"}, {"model": "gpt-4"}, {"task_class": "general_information"}, {"tenant": "zeta"}]
    late = [await driver.submit(**kinds[at % 4]) for at in range(8)]
    urgent = [await driver.submit(priority=7, **kinds[at % 4]) for at in range(4)]
    assert await plan(driver) == [*urgent, *late]


async def test_a_lane_whose_head_fits_nowhere_blocks_no_other_lane(driver: Driver) -> None:
    await driver.announce("gpt-4", 100)
    await driver.submit(model="claude", priority=9)
    other = await driver.submit(model="gpt-4", priority=0)
    assert await plan(driver) == [other]


async def test_a_model_takes_its_announced_slots_and_a_small_window_and_no_more(driver: Driver) -> None:
    await driver.announce(slots=16)
    submitted = [await driver.submit() for _ in range(30)]
    answers = await driver.bind_many(submitted)
    assert answers == ["bound"] * 18 + ["full"] * 12
    assert len(await driver.queued()) == 18
    state = (await driver.read()).states["gpt-4"]
    assert (state.depth, state.capacity, state.slots) == (18, 16, 0)


async def test_slots_of_several_workers_add_up(driver: Driver) -> None:
    await driver.announce(slots=3, worker="w1")
    await driver.announce(slots=4, worker="w2")
    answers = await driver.bind_many([await driver.submit() for _ in range(10)])
    assert answers.count("bound") == 7


async def test_a_settled_job_gives_its_slot_to_the_next_one(driver: Driver) -> None:
    await driver.announce(slots=1)
    first, second = await driver.submit(), await driver.submit()
    assert await driver.bind_many([first, second]) == ["bound", "full"]
    await driver.claim(first)
    assert await driver.bind(second) == "full"
    await driver.settle(first, settlement=success())
    assert await driver.bind(second) == "bound"


async def test_nothing_is_bound_without_a_live_worker(driver: Driver) -> None:
    job_id = await driver.submit()
    assert await driver.bind(job_id) == "full"
    await driver.announce(slots=4)
    driver.pass_seconds(3601)  # the worker has not announced itself again
    assert await driver.bind(job_id) == "full"
    assert await driver.state(job_id) is JobState.PENDING


async def test_a_job_is_bound_once_however_many_dispatchers_want_it(driver: Driver) -> None:
    await driver.announce()
    job_id = await driver.submit()
    assert await driver.bind_many([job_id, job_id]) == ["bound", "gone"]
    assert await driver.bind(job_id) == "gone"
    assert await driver.queued() == [f"{job_id}.1"]


async def test_a_resent_bind_returns_its_first_answer_and_binds_nothing_more(driver: Driver) -> None:
    await driver.announce(slots=1)
    submitted = [await driver.submit(), await driver.submit()]
    first = await driver.bind_many(submitted, token="round-1")
    assert first == ["bound", "full"]
    await driver.claim(submitted[0])
    await driver.settle(submitted[0], settlement=success())
    assert await driver.bind_many(submitted, token="round-1") == first
    assert await driver.state(submitted[1]) is JobState.PENDING


async def test_a_paused_model_takes_nothing_until_it_is_resumed(driver: Driver) -> None:
    await driver.announce()
    job_id = await driver.submit()
    await driver.scripts.run(PauseModel(model="gpt-4", reason="maintenance"))
    assert await driver.bind(job_id) == "closed"
    await driver.scripts.run(PauseModel(model="gpt-4"))
    assert await driver.bind(job_id) == "bound"


async def test_a_cooled_model_takes_nothing_until_its_time_is_over(driver: Driver) -> None:
    job_id = await driver.run_to_claim()
    end = failure("rate_limited", JobState.PENDING, lane="technical_support|default|gpt-4,claude", cool_seconds=20)
    await driver.settle(job_id, settlement=end)
    assert await driver.bind(job_id) == "closed"
    driver.pass_seconds(21)
    assert await driver.bind(job_id) == "bound"


async def test_the_lane_index_never_names_an_empty_lane(driver: Driver) -> None:
    await driver.announce(slots=10)
    first, second = await driver.submit(priority=9), await driver.submit(priority=1)
    lanes_key = driver.keys.key("lanes")
    lane = "technical_support|default|gpt-4,claude"
    before = await driver.redis.zscore(lanes_key, lane)
    await driver.bind(first)
    after = await driver.redis.zscore(lanes_key, lane)
    assert before is not None
    assert after == 8 * 10**12 + 2
    await driver.bind(second)
    assert await driver.redis.exists(lanes_key) == 0


@pytest.fixture
def catalog(catalog: Catalog) -> Catalog:
    """The usual catalog, in which claude may have two calls in flight."""
    data = catalog.model_dump()
    data["models"]["claude"]["limits"]["concurrency"] = 2
    return Catalog.model_validate(data)


async def test_the_configured_limit_holds_however_many_slots_are_announced(driver: Driver) -> None:
    await driver.announce("claude", slots=50)
    answers = await driver.bind_many([await driver.submit() for _ in range(5)], "claude")
    assert answers == ["bound"] * 2 + ["full"] * 3


async def test_a_lane_behind_a_thousand_that_fit_nowhere_is_found(driver: Driver, settings: Settings) -> None:
    await driver.announce("gpt-4")
    for at in range(1001):
        await driver.submit(model="claude", tenant=f"tenant-{at}", priority=9)
    wanted = await driver.submit(model="gpt-4", priority=0)
    dispatcher = Dispatcher(driver.redis, settings=settings, catalog=driver.catalog)
    assert await dispatcher.round() is None
    assert await dispatcher.round() is None
    assert (await driver.get(wanted)).state == "bound"


async def test_a_huge_number_of_tokens_is_refused_before_it_can_spoil_a_sum() -> None:
    with pytest.raises(ValidationError):
        ChatRequest.model_validate({"messages": [{"role": "user", "content": "x"}], "max_tokens": 10**17})
