"""Static strategies and shared cursors in Redis: jobs move to their model's lane, and back when it goes away."""

from __future__ import annotations

import secrets
from collections import Counter
from random import Random
from typing import Any

import pytest

from pointsman.router.routing.catalog import Catalog
from pointsman.router.routing.classify import Classifier
from pointsman.router.routing.placement import sort_intake
from pointsman.router.routing.plan import plan_round
from pointsman.router.store import ModelStore
from pointsman.router.store.calls import PauseModel
from pointsman.router.vocabulary.chat import ChatRequest
from pointsman.router.vocabulary.job import JobState
from tests.support.store_driver import Driver, failure, success

STATIC = "technical_support|default|gpt-4,claude"


@pytest.fixture
def catalog(catalog: Catalog) -> Catalog:
    """Turns for technical_support, rules for creative_writing; claude alone can see images, its window is small."""
    data = catalog.model_dump()
    data["task_classes"]["technical_support"]["strategy"] = "round_robin"
    rules = [{"when": {"topic": "love"}, "use": ["gemini"]}]
    data["task_classes"]["creative_writing"]["strategy"] = {"name": "contextual", "rules": rules}
    data["models"]["claude"] |= {"abilities": ["images"], "context_window": 5_000}
    data["models"]["gpt-4"]["price"] = {"input_usd_per_mtok": 1000, "output_usd_per_mtok": 1000}
    data["aliases"] = {"both": {"models": ["gpt-4", "claude"], "strategy": "round_robin"}}
    return Catalog.model_validate(data)


async def one_round(driver: Driver, *, limit: int = 100) -> Counter[str]:
    """Plan and bind as a dispatcher does; returns how often each answer was given."""
    seen = await driver.read()
    binds = plan_round(seen, driver.catalog, limit=limit, random=Random(1)).binds
    answers = await driver.rounds.bind(
        binds, templates=driver.templates, token=secrets.token_hex(8), cursors=seen.cursors, now=driver.now
    )
    return Counter(answers)


async def test_jobs_of_a_full_model_wait_in_its_own_lane(driver: Driver) -> None:
    await driver.announce("gpt-4", 2)
    await driver.announce("claude", 8)
    ids = [await driver.submit() for _ in range(8)]
    assert await one_round(driver) == {"bound": 6, "moved": 2}
    assert await driver.lanes() == {f"{STATIC}|gpt-4": [ids[4], ids[6]]}
    state = (await driver.read()).states["gpt-4"]
    assert (state.depth, state.waiting, state.load) == (2, 2, 4)
    record = await driver.get(ids[4])
    assert record.state == JobState.PENDING
    assert record.decision is not None
    assert record.decision["model"] == "gpt-4"


async def test_a_job_in_its_model_s_lane_is_bound_when_there_is_room(driver: Driver) -> None:
    await driver.announce("gpt-4", 1)
    ids = [await driver.submit(), await driver.submit(priority=9)]
    await one_round(driver)
    await driver.claim(ids[1])
    await driver.settle(ids[1], settlement=success())
    assert await one_round(driver) == {"bound": 1}
    record = await driver.get(ids[0])
    assert (record.state, record.model) == (JobState.BOUND, "gpt-4")
    assert record.decision is not None
    assert "its turn" in str(record.decision["reason"])


@pytest.mark.parametrize("how", ["paused", "no worker"])
async def test_jobs_of_a_model_that_goes_away_are_decided_again(driver: Driver, how: str) -> None:
    await driver.announce("gpt-4", 1)
    await driver.announce("claude", 1)
    ids = [await driver.submit() for _ in range(6)]
    await one_round(driver)
    assert len((await driver.lanes())[f"{STATIC}|gpt-4"]) == 2
    if how == "paused":
        await driver.scripts.run(PauseModel(model="gpt-4", reason="for a test"))
    else:
        await driver.work.withdraw("w1", ["gpt-4"])
    assert await one_round(driver) == {"moved": 2}
    assert sorted((await driver.lanes())[f"{STATIC}|claude"]) == sorted(ids[2:])


async def test_pinned_jobs_wait_for_their_model_whatever_happens(driver: Driver) -> None:
    await driver.announce("claude", 8)
    job_id = await driver.submit(model="gpt-4")
    assert await one_round(driver) == {}
    assert await driver.lanes() == {"@gpt-4|default|gpt-4": [job_id]}


async def test_a_retry_is_decided_again(driver: Driver) -> None:
    await driver.announce("gpt-4", 4)
    job_id = await driver.submit()
    await one_round(driver)
    claim = await driver.claim(job_id)
    assert claim is not None
    await driver.settle(job_id, settlement=failure(state=JobState.PENDING, lane=STATIC))
    assert list(await driver.lanes()) == [STATIC]


async def test_a_slower_dispatcher_decides_again_when_the_cursor_has_moved(driver: Driver) -> None:
    await driver.announce("gpt-4", 20)
    await driver.announce("claude", 20)
    for _ in range(4):
        await driver.submit()
    seen = await driver.read()
    first = plan_round(seen, driver.catalog, limit=2, random=Random(1)).binds
    both = plan_round(seen, driver.catalog, limit=4, random=Random(1)).binds
    bind: dict[str, Any] = {"templates": driver.templates, "cursors": seen.cursors, "now": driver.now}
    assert await driver.rounds.bind(first, token="a" * 8, **bind) == ["bound", "bound"]
    assert await driver.rounds.bind(both, token="b" * 8, **bind) == ["gone", "gone", "raced", "raced"]
    assert await one_round(driver) == {"bound": 2}
    assert [len(await driver.queued(model)) for model in ("gpt-4", "claude")] == [2, 2]


async def test_a_narrowed_job_holds_nobody_up(driver: Driver) -> None:
    await driver.announce("gemini", 1)
    await driver.announce("claude", 2)
    ids = [
        await driver.submit(task_class="creative_writing", context={"topic": topic})
        for topic in ("love", "love", "war")
    ]
    assert await one_round(driver) == {"bound": 2, "moved": 1}
    assert await driver.lanes() == {"creative_writing|default|claude,gemini|gemini": [ids[1]]}
    assert (await driver.get(ids[2])).model == "claude"


async def test_an_alias_names_its_models_and_needs_no_class(driver: Driver) -> None:
    await driver.announce("gpt-4", 4)
    await driver.announce("claude", 4)
    ids = [await driver.submit(model="both") for _ in range(4)]
    assert await one_round(driver) == {"bound": 4}
    assert [(await driver.get(job_id)).model for job_id in ids] == ["gpt-4", "claude", "gpt-4", "claude"]


async def test_a_job_may_name_its_own_strategy(driver: Driver) -> None:
    await driver.announce("gpt-4", 8)
    await driver.announce("claude", 8)
    ids = [await driver.submit(strategy="consistent_hash", affinity_key="user 7") for _ in range(3)]
    await one_round(driver)
    assert {(await driver.get(job_id)).decision["strategy"] for job_id in ids} == {"consistent_hash"}  # type: ignore[index] # each has a decision


@pytest.mark.parametrize(
    ("fields", "lane"),
    [
        ({"max_cost_usd": 0.01, "task_class": "general_information"}, ""),
        ({"prompt": "word " * 5_000}, "technical_support|default|gpt-4"),
    ],
)
async def test_a_lane_has_no_model_that_can_never_do_the_job(
    driver: Driver, fields: dict[str, Any], lane: str
) -> None:
    await driver.submit(**fields)
    assert list(await driver.lanes()) == ([lane] if lane else [])


async def test_a_job_that_no_model_can_do_fails_with_the_reason_of_each(driver: Driver) -> None:
    picture = {"type": "image_url", "image_url": {"url": "https://x/y.png"}}
    request = ChatRequest.model_validate(
        {"messages": [{"role": "user", "content": [picture]}], "max_tokens": 6_000}
    )
    job_id = await driver.submit(prompt=None, request=request)
    intake = await driver.rounds.read_intake(9)
    result = sort_intake(intake.jobs, driver.catalog, classifier=Classifier(driver.catalog))
    assert await driver.rounds.reject(result.rejected) == 1
    record = await driver.get(job_id)
    assert record.state == JobState.FAILED
    assert record.error is not None
    assert record.error.kind == "invalid_request"
    assert "gpt-4: cannot do images; claude: context window" in record.error.message


async def test_a_model_s_time_to_the_first_words_is_an_average_of_its_streams(driver: Driver) -> None:
    await driver.announce("gpt-4", 9)
    for first in (0.5, None, 1.5):
        end = success(latency_seconds=2.0)
        end.attempt.update({"first_token_seconds": first} if first else {})
        job_id = await driver.submit()
        await driver.bind(job_id)
        await driver.claim(job_id)
        await driver.settle(job_id, settlement=end)
        assert (await driver.get(job_id)).history[0].first_token_seconds == first
    models = ModelStore(driver.redis, settings=driver.settings, catalog=driver.catalog)
    averages = {view.name: view.first_token_seconds for view in await models.views()}
    assert averages == {"gpt-4": pytest.approx(0.7), "claude": None, "gemini": None}


async def test_a_model_s_latency_and_errors_are_shared(driver: Driver) -> None:
    await driver.announce("gpt-4", 9)
    for at, end in enumerate((success(latency_seconds=2.0, output_tokens=100), failure(), success())):
        job_id = await driver.submit()
        assert await driver.bind(job_id) == "bound", at
        await driver.claim(job_id)
        await driver.settle(job_id, settlement=end)
    state = (await driver.read()).states["gpt-4"]
    assert (state.latency_ms, state.ms_per_token) == (2000, 20)
    assert state.error_rate == pytest.approx(0.16)
    driver.pass_seconds(60)
    assert (await driver.read()).states["gpt-4"].error_rate == pytest.approx(0.08)
