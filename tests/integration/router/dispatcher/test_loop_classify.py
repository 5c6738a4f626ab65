"""A dispatcher classifies what waits in intake, and the job's record keeps the step that decided."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from pointsman.router.config.settings import Settings
from pointsman.router.dispatcher.loop import Dispatcher
from pointsman.router.routing.catalog import Catalog
from tests.support.store_driver import Driver


@pytest.fixture
def catalog(catalog: Catalog) -> Catalog:
    """The shared catalog, whose classes have the ready examples too."""
    data = catalog.model_dump(mode="json")
    for fields in data["task_classes"].values():
        fields["examples"] = "builtin"
    return Catalog.model_validate(data)


@pytest.mark.parametrize(
    ("prompt", "task_class", "step"),
    [
        ("A haiku on rails", "creative_writing", "keyword 'haiku'"),
        ("My phone no longer connects to the Wi-Fi after the update", "technical_support", "examples ("),
    ],
)
async def test_the_record_keeps_class_and_step(
    driver: Driver, redis: Redis, settings: Settings, catalog: Catalog, prompt: str, task_class: str, step: str
) -> None:
    job_id = await driver.submit(prompt, task_class=None)
    await Dispatcher(redis, settings=settings, catalog=catalog).round()
    record = await driver.get(job_id)
    assert record.task_class == task_class
    assert str(record.classified_by).startswith(step)
    [lane] = await driver.lanes()
    assert lane.startswith(f"{task_class}|default|")


async def test_a_class_named_by_the_caller_is_kept_as_explicit(driver: Driver) -> None:
    record = await driver.get(await driver.submit(task_class="technical_support"))
    assert (record.task_class, record.classified_by) == ("technical_support", "explicit")
