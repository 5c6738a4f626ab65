"""A job that causes an error holds up nobody: the others go on in the same round, and it ends in quarantine."""

from __future__ import annotations

import logging
from random import Random
from typing import Any

import pytest
from redis.asyncio import Redis

from pointsman.router.config.settings import Settings
from pointsman.router.dispatcher.loop import Dispatcher
from pointsman.router.routing.catalog import Catalog
from pointsman.router.store import AttemptStore, DeadStore, JobStore, Offer
from pointsman.router.vocabulary.errors import ErrorKind
from pointsman.router.vocabulary.events import events_of
from pointsman.router.vocabulary.job import JobRecord, JobSpec, JobState
from pointsman.router.vocabulary.views import DeadFilter
from tests.support.poison import BAD_CHOICES, INCOMPLETE, MARK, NO_RECORD, UNREADABLE, with_strategy

RULES = {"name": "contextual", "rules": [{"when": {"topic": "billing"}, "use": ["gpt-4"]}]}


class Field:
    """A dispatcher with room for a hundred jobs, and what is needed to look at it."""

    def __init__(self, redis: Redis, settings: Settings, catalog: Catalog) -> None:
        self.redis, self.settings = redis, settings
        self.jobs = JobStore(redis, settings=settings, catalog=catalog)
        self.work = AttemptStore(redis, settings=settings)
        self.dispatcher = Dispatcher(redis, settings=settings, catalog=catalog, random=Random(1))
        self.keys = self.jobs.keys

    async def submit(self, count: int = 1, **fields: Any) -> list[str]:
        fields = {"task_class": "technical_support"} | fields
        return await self.jobs.submit_many([JobSpec(prompt=f"Question {at}", **fields) for at in range(count)])

    async def round(self) -> None:
        """Run one round with room for everybody."""
        offers = [Offer(name, 500, "") for name in ("gpt-4", "claude", "gemini")]
        await self.work.announce("w1", offers, config="v1")
        await self.dispatcher.round()

    async def states(self, job_ids: list[str]) -> set[JobState]:
        return {record.state for record in await self.jobs.get_many(job_ids) if record is not None}

    async def faults(self, job_id: str) -> int:
        return int(await self.redis.hget(self.keys.key("job", job_id), "faults") or 0)  # type: ignore[misc] # redis-py types are of both clients

    async def now_is_later(self) -> None:
        """Let the wait of every delayed job be over."""
        for job_id in await self.redis.zrange(self.keys.key("delayed"), 0, -1):
            await self.redis.zadd(self.keys.key("delayed"), {job_id: 0})

    async def run_until_quiet(self) -> None:
        """Run rounds, over all waits, until nothing waits for its time."""
        for _ in range(12):
            await self.round()
            await self.now_is_later()

    async def quarantined(self, job_id: str) -> JobRecord:
        """Return the record of a job that has to be in quarantine."""
        record = await self.jobs.get(job_id)
        assert record.state is JobState.FAILED
        assert record.error is not None
        assert record.error.kind is ErrorKind.QUARANTINED
        return record


@pytest.fixture
def field(redis: Redis, settings: Settings, catalog: Catalog) -> Field:
    return Field(redis, settings, catalog)


async def test_a_job_whose_class_lacks_what_its_strategy_needs_stops_nobody(
    redis: Redis, settings: Settings, catalog: Catalog
) -> None:
    field = Field(redis, settings, with_strategy(catalog, RULES, task_class="general_information"))
    strategy = ("contextual", "least_connections")
    poison = await field.jobs.submit(JobSpec(prompt="why does it crash?", strategy=strategy))
    others = await field.submit(20) + await field.submit(20, task_class=None)
    await field.round()  # classifies by a keyword
    assert (await field.jobs.get(poison)).task_class == "technical_support"
    await field.round()
    assert await field.states(others) == {JobState.BOUND}
    assert await field.faults(poison) == 1
    await field.run_until_quiet()
    record = await field.quarantined(poison)
    assert record.error is not None
    assert "StrategyMistake: contextual" in record.error.message
    assert "registry.py" in record.error.message, "the traceback says where"


async def test_a_class_that_loses_its_rules_while_jobs_wait_stops_nobody(
    redis: Redis, settings: Settings, catalog: Catalog
) -> None:
    before = Field(redis, settings, with_strategy(catalog, RULES))
    poison = await before.submit(3, strategy=("contextual",))
    field = Field(redis, settings, catalog)
    others = await field.submit(20) + await field.submit(20, tenant="acme")
    await field.round()
    assert await field.states(others) == {JobState.BOUND}
    await field.run_until_quiet()
    for job_id in poison:
        await field.quarantined(job_id)


@pytest.mark.parametrize("bad", BAD_CHOICES)
async def test_a_strategy_of_the_users_that_fails_for_one_job_fails_for_that_one(
    redis: Redis, settings: Settings, catalog: Catalog, bad: str
) -> None:
    field = Field(redis, settings, with_strategy(catalog, f"tests.support.poison:{bad}"))
    first, poison, last = [
        (await field.submit(context={"topic": topic}))[0] for topic in ("a", MARK, "b")
    ]  # all in one lane
    await field.round()
    assert await field.states([first, last]) == {JobState.BOUND}
    assert await field.faults(poison) == 1
    await field.run_until_quiet()
    await field.quarantined(poison)


@pytest.mark.parametrize("damage", UNREADABLE)
async def test_what_cannot_be_read_of_a_waiting_job_concerns_it_alone(field: Field, damage: str) -> None:
    (poison,) = await field.submit(priority=9)
    await UNREADABLE[damage](field.redis, field.keys, poison)
    others = await field.submit(30) + await field.submit(5, tenant="acme")
    await field.round()
    assert await field.states(others) == {JobState.BOUND}
    assert await field.faults(poison) == 1
    await field.run_until_quiet()
    await field.quarantined(poison)
    assert await field.redis.zcard(field.keys.key("lanes")) == 0


@pytest.mark.parametrize("damage", [name for name in UNREADABLE if name.startswith("facts")])
@pytest.mark.parametrize("broken", ["facts", "request"])
async def test_what_cannot_be_read_of_a_job_in_intake_concerns_it_alone(
    field: Field, damage: str, broken: str
) -> None:
    poison = await field.submit(120, task_class=None, priority=9)
    for job_id in poison:
        if broken == "request":
            await field.redis.delete(field.keys.key("request", job_id))
        else:
            await UNREADABLE[damage](field.redis, field.keys, job_id)
    others = await field.submit(10, task_class=None)
    for _ in range(4):
        await field.round()
    assert await field.states(others) == {JobState.BOUND}
    await field.run_until_quiet()
    for job_id in poison[::40]:
        await field.quarantined(job_id)


@pytest.mark.parametrize("damage", NO_RECORD)
@pytest.mark.parametrize("where", ["intake", "lane", "delayed"])
async def test_ids_without_a_record_are_forgotten_with_one_warning_each(
    field: Field, damage: str, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    fields: dict[str, Any] = {"task_class": None} if where == "intake" else {}
    lost = await field.submit(30, priority=9, **fields)
    if where == "delayed":
        lane: Any = await field.redis.hget(field.keys.key("job", lost[0]), "lane")  # type: ignore[misc] # redis-py types are of both clients
        await field.redis.delete(field.keys.key("lane", lane), field.keys.key("lanes"))
        await field.redis.zadd(field.keys.key("delayed"), dict.fromkeys(lost, 0.0))
    for job_id in lost:
        await NO_RECORD[damage](field.redis, field.keys, job_id)
    others = await field.submit(10, **fields)
    for _ in range(3):
        await field.round()
    assert await field.states(others) == {JobState.BOUND}
    for index in ("intake", "lanes", "delayed"):
        assert await field.redis.zcard(field.keys.key(index)) == 0, index
    assert await field.redis.zcard(field.keys.key("deadlines")) == len(others)
    with caplog.at_level(logging.WARNING):
        await field.dispatcher._upkeep.once()
        await field.dispatcher._upkeep.once()
    named = [job_id for job_id in lost for record in caplog.records if job_id in record.getMessage()]
    assert len(named) == len(set(named)) == 20
    assert "and 10 more jobs" in caplog.text


@pytest.mark.parametrize("damage", INCOMPLETE)
@pytest.mark.parametrize("task_class", ["technical_support", None])
async def test_a_record_that_has_lost_its_place_is_served_all_the_same(
    field: Field, damage: str, task_class: str | None
) -> None:
    (job_id,) = await field.submit(task_class=task_class)
    await INCOMPLETE[damage](field.redis, field.keys, job_id)
    others = await field.submit(5, task_class=task_class)
    await field.round()
    await field.round()
    assert await field.states([job_id, *others]) == {JobState.BOUND}


async def test_a_poison_job_among_a_thousand_good_ones_delays_none(
    redis: Redis, settings: Settings, catalog: Catalog
) -> None:
    field = Field(redis, settings, with_strategy(catalog, "tests.support.poison:raises"))
    specs = [JobSpec(prompt=str(at), task_class="technical_support", context={"topic": "x"}) for at in range(1000)]
    specs.insert(0, specs[0].model_copy(update={"context": {"topic": MARK}}))
    poison, *good = await field.jobs.submit_many(specs)
    await field.round()
    bound = {
        job_id
        for model in ("gpt-4", "claude")
        for job_id in await redis.zrange(field.keys.key("bound", model), 0, -1)
    }
    assert bound == set(good[: settings.bind_batch - 1]) or bound == set(good[: settings.bind_batch])
    assert poison not in bound


async def test_between_its_faults_a_job_is_left_alone(field: Field) -> None:
    (poison,) = await field.submit()
    await UNREADABLE["facts are no JSON"](field.redis, field.keys, poison)
    for _ in range(10):
        await field.round()
    assert await field.faults(poison) == 1
    record = await field.jobs.get(poison)
    assert record.not_before is not None
    assert 0 < record.not_before - record.submitted <= 2


async def test_faults_of_any_number_of_dispatchers_count_together(
    redis: Redis, settings: Settings, catalog: Catalog
) -> None:
    fields = [Field(redis, settings, catalog) for _ in range(3)]
    (poison,) = await fields[0].submit()
    await UNREADABLE["facts are no JSON"](redis, fields[0].keys, poison)
    for number, field in enumerate(fields, start=1):
        await field.now_is_later()
        await field.round()  # promotes
        await field.round()
        if number < 3:
            assert await field.faults(poison) == number
    await fields[0].quarantined(poison)


async def test_one_fault_that_two_dispatchers_meet_counts_once(
    redis: Redis, settings: Settings, catalog: Catalog
) -> None:
    first, second = Field(redis, settings, catalog), Field(redis, settings, catalog)
    (poison,) = await first.submit()
    await UNREADABLE["facts are no JSON"](redis, first.keys, poison)
    seen = [await one.dispatcher.store.read() for one in (first, second)]
    answers = [await first.dispatcher.store.put_aside(snapshot.faults) for snapshot in seen]
    assert answers == [["delayed"], ["gone"]]
    assert await first.faults(poison) == 1


async def test_a_job_in_quarantine_is_a_dead_letter_that_can_be_retried(
    field: Field, caplog: pytest.LogCaptureFixture
) -> None:
    (poison,) = await field.submit()
    good: Any = await field.redis.hget(field.keys.key("job", poison), "facts")  # type: ignore[misc] # redis-py types are of both clients
    await UNREADABLE["facts are no JSON"](field.redis, field.keys, poison)
    await field.run_until_quiet()
    record = await field.quarantined(poison)
    dead = await DeadStore(field.jobs).page(DeadFilter(kind=(ErrorKind.QUARANTINED,)), limit=10)
    assert [letter.id for letter in dead.jobs] == [poison]
    assert [event.data["error"]["kind"] for event in events_of(record) if event.name == "done"] == ["quarantined"]
    with caplog.at_level(logging.WARNING):
        await field.dispatcher._upkeep.once()
    assert f"job {poison}: quarantined after 3 faults" in caplog.text
    assert f"pointsman retry {poison}" in caplog.text
    await field.redis.hset(field.keys.key("job", poison), "facts", good)  # type: ignore[misc] # redis-py types are of both clients
    assert await DeadStore(field.jobs).retry(poison) is JobState.PENDING
    await field.round()
    await field.round()
    assert await field.states([poison]) == {JobState.BOUND}
    assert await field.faults(poison) == 0
