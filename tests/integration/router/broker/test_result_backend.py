"""Celery's AsyncResult over our backend: where a job stands that has not ended."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from celery import Celery

from pointsman.router.broker.message import celery_config
from pointsman.router.config.settings import Settings
from pointsman.router.vocabulary.job import JobState
from tests.support.store_driver import RESULT, Driver, failure, success


@pytest.fixture
def app(settings: Settings) -> Iterator[Celery]:
    """A Celery client with our backend, named as a user would."""
    client = Celery("client", set_as_current=False)
    backend = f"pointsman.result_backend:JobBackend+{settings.redis_url}"
    client.conf.update(celery_config(settings) | {"result_backend": backend})
    yield client
    client.close()


def seen(app: Celery, job_id: str) -> tuple[str, object]:
    """Return the state of a job and its info, as Celery reads them."""
    found = app.AsyncResult(job_id)
    return found.state, found.info


async def test_a_waiting_job_has_its_position_which_moves_up(driver: Driver, app: Celery) -> None:
    ids = [await driver.submit() for _ in range(3)]
    assert [seen(app, job_id) for job_id in ids] == [
        ("PENDING", {"model": None, "attempt": 0, "position": position}) for position in (1, 2, 3)
    ]
    await driver.announce()
    await driver.bind(ids[0])
    assert seen(app, ids[0]) == ("PENDING", {"model": "gpt-4", "attempt": 0, "position": None})
    assert seen(app, ids[2]) == ("PENDING", {"model": None, "attempt": 0, "position": 2})


async def test_a_job_in_intake_has_its_position_there(driver: Driver, app: Celery) -> None:
    await driver.submit(task_class=None)
    job_id = await driver.submit(task_class=None)
    assert seen(app, job_id) == ("PENDING", {"model": None, "attempt": 0, "position": 2})


async def test_the_whole_way_of_a_job(driver: Driver, app: Celery) -> None:
    job_id = await driver.run_to_claim()
    assert seen(app, job_id) == ("STARTED", {"model": "gpt-4", "attempt": 1})
    await driver.settle(
        job_id, settlement=failure(state=JobState.PENDING, lane="technical_support|default|gpt-4,claude")
    )
    assert seen(app, job_id) == ("PENDING", {"model": None, "attempt": 1, "position": 1})
    await driver.bind(job_id)
    await driver.claim(job_id, 2)
    await driver.settle(job_id, 2, settlement=success())
    assert seen(app, job_id) == ("SUCCESS", RESULT)
    assert app.AsyncResult(job_id).get(timeout=5) == RESULT


async def test_what_is_no_job_of_ours_is_pending_without_info(driver: Driver, app: Celery) -> None:
    assert seen(app, "somebody-elses") == ("PENDING", None)
