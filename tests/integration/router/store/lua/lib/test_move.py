"""While a call is in flight Celery's clients read STARTED, and at no other time."""

from __future__ import annotations

from celery import Celery
from celery.result import AsyncResult

from pointsman.router.vocabulary.job import JobState
from tests.support.store_driver import RESULT, Driver, failure, success


def seen(app: Celery, job_id: str) -> tuple[str, object]:
    """Return the state of a job and its info, as Celery reads them."""
    found = AsyncResult(job_id, app=app)
    return found.state, found.info


async def test_a_running_job_is_started_with_its_model_and_attempt(driver: Driver, app: Celery) -> None:
    job_id = await driver.run_to_claim()
    assert seen(app, job_id) == ("STARTED", {"model": "gpt-4", "attempt": 1})
    found = AsyncResult(job_id, app=app)
    assert (found.ready(), found.traceback, found.date_done) == (False, None, None)


async def test_a_repeated_claim_shows_the_same(driver: Driver, app: Celery) -> None:
    job_id = await driver.submit()
    await driver.announce()
    await driver.bind(job_id)
    for _ in range(2):
        await driver.claim(job_id, token="same")
    assert seen(app, job_id) == ("STARTED", {"model": "gpt-4", "attempt": 1})


async def test_a_job_that_is_tried_again_is_pending_and_then_started_anew(driver: Driver, app: Celery) -> None:
    job_id = await driver.run_to_claim()
    await driver.settle(
        job_id, settlement=failure(state=JobState.PENDING, lane="technical_support|default|gpt-4,claude")
    )
    assert seen(app, job_id) == ("PENDING", None)
    await driver.bind(job_id)
    await driver.claim(job_id, 2)
    assert seen(app, job_id) == ("STARTED", {"model": "gpt-4", "attempt": 2})
    await driver.settle(job_id, 2, settlement=success())
    assert seen(app, job_id) == ("SUCCESS", RESULT)


async def test_a_job_whose_worker_died_is_pending_again(driver: Driver, app: Celery) -> None:
    job_id = await driver.run_to_claim()
    await driver.reap_for(60)
    assert await driver.state(job_id) is JobState.PENDING
    assert seen(app, job_id) == ("PENDING", None)


async def test_a_cancelled_running_job_is_revoked(driver: Driver, app: Celery) -> None:
    job_id = await driver.run_to_claim()
    await driver.cancel(job_id)
    assert seen(app, job_id)[0] == "REVOKED"


async def test_a_dead_letter_that_begins_anew_is_pending(driver: Driver, app: Celery) -> None:
    job_id = await driver.run_to_claim()
    await driver.settle(job_id, settlement=failure())
    assert seen(app, job_id)[0] == "FAILURE"
    await driver.retry(job_id)
    assert seen(app, job_id) == ("PENDING", None)
