"""Jobs whose class or model is gone: they are found, told of, and moved; by a rename without anybody's help."""

from __future__ import annotations

import logging
from random import Random
from typing import Any

import pytest
from redis.asyncio import Redis

from pointsman.router.config.settings import Settings
from pointsman.router.dispatcher.loop import Dispatcher
from pointsman.router.routing.catalog import Catalog
from pointsman.router.routing.stranded import Destination, Origin
from pointsman.router.store import AttemptStore, DeadStore, JobStore, LaneStore, ModelStore, Offer
from pointsman.router.vocabulary.errors import Conflict
from pointsman.router.vocabulary.job import JobSpec, JobState
from tests.support.store_driver import Driver
from tests.support.store_invariants import Invariants

MODEL = {"format": "openai", "base_url": "http://127.0.0.1:1/v1", "upstream": "x"}


def catalog_of(models: list[str], classes: dict[str, dict[str, Any]], **more: Any) -> Catalog:
    data = {"models": dict.fromkeys(models, MODEL), "task_classes": classes, "default_class": next(iter(classes))}
    return Catalog.model_validate(data | more)


BEFORE = catalog_of(["old", "kept"], {"code": {"models": ["old"]}, "text": {"models": ["kept"]}})
AFTER = catalog_of(["new", "kept"], {"text": {"models": ["kept"]}, "coding": {"models": ["new"]}})
RENAMED = catalog_of(
    ["new", "kept"],
    {"text": {"models": ["kept"]}, "coding": {"models": ["new"], "formerly": ["code"]}},
    aliases={"old": ["new"]},
)


class House:
    """A dispatcher with a catalog, over what was submitted with another one."""

    def __init__(self, redis: Redis, settings: Settings, catalog: Catalog) -> None:
        self.redis = redis
        self.jobs = JobStore(redis, settings=settings, catalog=catalog)
        self.lanes = LaneStore(redis, settings=settings)
        self.models = ModelStore(redis, settings=settings, catalog=catalog)
        self.work = AttemptStore(redis, settings=settings)
        self.dispatcher = Dispatcher(redis, settings=settings, catalog=catalog, random=Random(1))
        self.catalog = catalog

    async def rounds(self) -> None:
        await self.work.announce("w", [Offer(name, 50, "") for name in self.catalog.models], config="v")
        await self.dispatcher._publish_configuration()
        await self.dispatcher._upkeep.once()
        for _ in range(4):
            await self.dispatcher.round()

    async def at(self, job_ids: list[str]) -> set[tuple[str, str | None, str | None]]:
        return {(one.state, one.model, one.task_class) for one in await self.jobs.get_many(job_ids) if one}


async def submitted(redis: Redis, settings: Settings, **fields: Any) -> list[str]:
    jobs = JobStore(redis, settings=settings, catalog=BEFORE)
    return await jobs.submit_many([JobSpec(prompt=str(at), **fields) for at in range(3)])


async def test_a_renamed_class_takes_its_waiting_jobs_along(redis: Redis, settings: Settings) -> None:
    ids = await submitted(redis, settings, task_class="code")
    house = House(redis, settings, RENAMED)
    await house.rounds()
    assert await house.at(ids) == {("bound", "new", "coding")}


async def test_a_model_whose_name_is_an_alias_now_takes_its_waiting_jobs_along(
    redis: Redis, settings: Settings
) -> None:
    ids = await submitted(redis, settings, model="old")
    house = House(redis, settings, RENAMED)
    await house.rounds()
    assert await house.at(ids) == {("bound", "new", None)}


async def test_a_class_whose_models_were_all_exchanged_takes_its_waiting_jobs_along(
    redis: Redis, settings: Settings
) -> None:
    ids = await submitted(redis, settings, task_class="code")
    house = House(redis, settings, catalog_of(["new"], {"code": {"models": ["new"]}}))
    await house.rounds()
    assert await house.at(ids) == {("bound", "new", "code")}


async def test_a_dispatcher_whose_catalog_is_not_in_force_moves_nothing(redis: Redis, settings: Settings) -> None:
    await submitted(redis, settings, task_class="code")
    house = House(redis, settings, RENAMED)
    assert await house.lanes.follow_renames(RENAMED) == 0
    await House(redis, settings, BEFORE).dispatcher._publish_configuration()
    assert await house.lanes.follow_renames(RENAMED) == 0
    await house.dispatcher._publish_configuration()
    assert await house.lanes.follow_renames(RENAMED) == 3


@pytest.mark.parametrize(
    ("fields", "command"),
    [
        ({"task_class": "code"}, "pointsman move --from-class code --to-class CLASS"),
        ({"model": "old"}, "pointsman move --from-model old --to-model MODEL"),
    ],
)
async def test_jobs_that_wait_for_nobody_are_seen_everywhere(
    redis: Redis, settings: Settings, fields: dict[str, str], command: str, caplog: pytest.LogCaptureFixture
) -> None:
    ids = await submitted(redis, settings, **fields)
    house = House(redis, settings, AFTER)
    with caplog.at_level(logging.WARNING):
        await house.rounds()
        await house.rounds()
    assert caplog.text.count(command) == 1, "in the log, once"
    assert "3 jobs wait for nobody" in caplog.text
    assert [command in line for line in await house.models.warnings([]) if "wait for nobody" in line] == [True]
    record = await house.jobs.get(ids[0])
    assert record.state is JobState.PENDING
    assert record.decision is not None
    assert command in str(record.decision["reason"]), "and where `why` looks"


@pytest.mark.parametrize(
    ("fields", "origin", "to", "found"),
    [
        ({"task_class": "code"}, Origin(task_class="code"), Destination(task_class="coding"), ("new", "coding")),
        ({"task_class": "code"}, Origin(task_class="code"), Destination(model="kept"), ("kept", None)),
        ({"model": "old"}, Origin(model="old"), Destination(model="new"), ("new", None)),
        ({"model": "old"}, Origin(model="old"), Destination(task_class="text"), ("kept", "text")),
    ],
)
async def test_waiting_jobs_are_moved_on_command(
    redis: Redis,
    settings: Settings,
    fields: dict[str, str],
    origin: Origin,
    to: Destination,
    found: tuple[str, str],
) -> None:
    ids, others = await submitted(redis, settings, **fields), await submitted(redis, settings, task_class="text")
    house = House(redis, settings, AFTER)
    assert await house.lanes.move(origin, to) == 3
    assert await house.lanes.move(origin, to) == 0, "a repeat finds nothing"
    await house.rounds()
    assert await house.at(ids) == {("bound", *found)}
    assert await house.at(others) == {("bound", "kept", "text")}


async def test_a_moved_job_keeps_its_place_and_what_waits_for_its_time_its_time(driver: Driver) -> None:
    later = [await driver.submit(not_before=driver.now / 1000 + 60) for _ in range(2)]
    first, second = await driver.submit(), await driver.submit(task_class="general_information")
    lanes = LaneStore(driver.redis, settings=driver.settings)
    to = Destination(task_class="general_information")
    assert await lanes.move(Origin(task_class="technical_support"), to) == 3
    await Invariants(driver).check([*later, first, second])
    assert [job.id for job in (await driver.rounds.read_intake(9)).jobs] == [first]
    driver.pass_seconds(61)
    await driver.rounds.promote(now=driver.now)
    intake = (await driver.rounds.read_intake(9)).jobs
    assert [(job.id, job.task_class) for job in intake] == [(one, "general_information") for one in (*later, first)]


async def test_what_is_bound_stays_and_what_is_lost_is_forgotten(driver: Driver) -> None:
    await driver.announce()
    bound, lost, good = [await driver.submit() for _ in range(3)]
    await driver.bind(bound)
    await driver.redis.delete(driver.keys.key("job", lost))
    lanes = LaneStore(driver.redis, settings=driver.settings)
    to = Destination(model="gpt-4")
    assert await lanes.move(Origin(task_class="technical_support"), to) == 1
    assert await driver.state(bound) is JobState.BOUND
    await Invariants(driver).check([bound, good])


async def test_more_jobs_than_one_script_takes_are_moved(redis: Redis, settings: Settings) -> None:
    jobs = JobStore(redis, settings=settings, catalog=BEFORE)
    await jobs.submit_many([JobSpec(prompt=str(at), task_class="code") for at in range(1203)])
    house = House(redis, settings, AFTER)
    assert await house.lanes.move(Origin(task_class="code"), Destination(task_class="coding")) == 1203
    assert await redis.zcard(house.jobs.keys.key("lanes")) == 0


async def test_a_retried_dead_letter_of_a_removed_model_says_which(redis: Redis, settings: Settings) -> None:
    (job_id, *_) = await submitted(redis, settings, model="old")
    before = House(redis, settings, BEFORE)
    await before.rounds()
    await before.work.put_aside(job_id, 1, "it broke", for_good=True)
    house = House(redis, settings, AFTER)
    assert await DeadStore(house.jobs).retry(job_id) is JobState.PENDING
    await house.rounds()
    record = await house.jobs.get(job_id)
    assert record.error is not None
    assert "the model old is not in models.yaml any more" in record.error.message


async def test_a_job_may_name_a_class_by_its_former_name_and_is_the_same_job(
    redis: Redis, settings: Settings
) -> None:
    spec = JobSpec(prompt="x", task_class="code", id="the-same-job")
    await JobStore(redis, settings=settings, catalog=BEFORE).submit(spec)
    house = House(redis, settings, RENAMED)
    assert await house.jobs.submit(spec) == "the-same-job", "a repeat, though the class has another name now"
    other = await house.jobs.submit(JobSpec(prompt="y", task_class="code"))
    assert (await house.jobs.get(other)).task_class == "coding"
    with pytest.raises(Conflict):
        await house.jobs.submit(spec.model_copy(update={"prompt": "z"}))
