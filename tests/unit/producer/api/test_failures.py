"""Whether a caller without an answer is told to ask again: nothing that is paid for is paid for twice."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from pointsman.producer.api.failures import RETRY_HELPS, NoAnswer, OutcomeUnknown, answer_errors
from pointsman.producer.api.middleware.request_id import RequestId
from pointsman.router.vocabulary.errors import ErrorKind, PointsmanError
from pointsman.router.vocabulary.job import JobError, JobRecord, JobState

JOB = JobRecord(
    id="0123456789ab-00001", state=JobState.RUNNING, tenant="default", priority=5, submitted=100.0, expires=900.0,
    max_attempts=4, model="gpt-4",
)  # fmt: skip


def failed(kind: ErrorKind, *, attempts: int = 1) -> JobRecord:
    error = JobError(kind=kind, message="it broke")
    changes = {"state": JobState.FAILED, "error": error, "attempts": attempts}
    return JobRecord.model_validate({**JOB.model_dump(), **changes})


class Door:
    """An API with one path, at which everything fails as the test says."""

    def __init__(self) -> None:
        self.error: PointsmanError | None = None
        self.app = FastAPI()
        self.app.add_middleware(RequestId)
        answer_errors(self.app)
        self.app.get("/v1/chat/completions")(self._fail)

    async def _fail(self) -> None:
        assert self.error is not None
        raise self.error

    async def ask(self, error: PointsmanError) -> httpx.Response:
        self.error = error
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://door") as http:
            return await http.get("/v1/chat/completions")


@pytest_asyncio.fixture
async def door() -> AsyncIterator[Door]:
    yield Door()


@pytest.mark.parametrize("kind", list(ErrorKind))
async def test_a_job_given_up_early_is_worth_another_where_another_may_succeed(door: Door, kind: ErrorKind) -> None:
    reply = await door.ask(NoAnswer(failed(kind), joins=False, retry_after=2.5))
    assert reply.headers["x-should-retry"] == ("true" if kind in RETRY_HELPS else "false")
    assert (reply.headers["retry-after"], reply.headers["retry-after-ms"]) == ("3", "2500")
    assert reply.headers["x-pointsman-job-id"] == JOB.id


@pytest.mark.parametrize("kind", list(ErrorKind))
async def test_a_job_that_made_all_its_attempts_is_not_worth_another(door: Door, kind: ErrorKind) -> None:
    reply = await door.ask(NoAnswer(failed(kind, attempts=JOB.max_attempts), joins=False))
    assert reply.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("kind", list(ErrorKind))
async def test_who_would_get_the_same_failed_job_again_is_not_told_to_ask_for_it(
    door: Door, kind: ErrorKind
) -> None:
    reply = await door.ask(NoAnswer(failed(kind), joins=True, retry_after=2.5))
    assert reply.headers["x-should-retry"] == "false"
    assert "retry-after" not in reply.headers


@pytest.mark.parametrize("joins", [True, False])
async def test_a_job_that_goes_on_is_asked_for_again_by_who_would_join_it(door: Door, joins: bool) -> None:
    for error in (NoAnswer(JOB, joins=joins), OutcomeUnknown(JOB.id, joins=joins)):
        reply = await door.ask(error)
        assert reply.headers["x-should-retry"] == str(joins).lower()
        assert reply.headers["x-pointsman-job-id"] == JOB.id


@pytest.mark.parametrize(("seconds", "told"), [(0.2, "1"), (1.5, "2"), (119.5, "120"), (3600.0, "120")])
async def test_the_wait_is_one_that_the_vendors_clients_keep(door: Door, seconds: float, told: str) -> None:
    reply = await door.ask(NoAnswer(failed(ErrorKind.RATE_LIMITED), joins=False, retry_after=seconds))
    assert reply.headers["retry-after"] == told
