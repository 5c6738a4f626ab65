"""Messages through the official Anthropic client: the answer, every error, both headers for keys."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anthropic
import pytest
import pytest_asyncio
from anthropic import AsyncAnthropic
from anthropic.types import Message

from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.store import Settlement
from pointsman.router.vocabulary.job import JobState
from tests.support.running_api import Api, running_api
from tests.support.store_driver import RESULT, failure

MESSAGES = "/v1/messages"
ASKED: dict[str, Any] = {
    "model": "technical_support", "max_tokens": 10, "messages": [{"role": "user", "content": "Hello"}],
}  # fmt: skip
VERSION = {"anthropic-version": "2023-06-01"}


@asynccontextmanager
async def anthropic_client(url: str, key: str = "any") -> AsyncIterator[AsyncAnthropic]:
    """Yield the official client, as strict as it can be with what it gets."""
    async with AsyncAnthropic(base_url=url, api_key=key, _strict_response_validation=True, max_retries=0) as client:
        yield client


@pytest_asyncio.fixture
async def client(api: Api) -> AsyncIterator[AsyncAnthropic]:
    async with anthropic_client(api.url) as found:
        yield found


async def ended(api: Api, asking: Any, end: Any = None) -> Any:
    """End the job of a question in flight and return what the caller gets."""
    asked = asyncio.create_task(asking)
    await api.finish(await api.open_job(), end)
    return await asked


async def test_an_answer_comes_in_anthropics_shape(client: AsyncAnthropic, api: Api) -> None:
    asking = client.messages.with_raw_response.create(**ASKED, metadata={"user_id": "u1"}, service_tier="auto")
    raw = await ended(api, asking)
    message: Message = await raw.parse()
    job_id = raw.headers["x-pointsman-job-id"]
    assert (message.id, message.stop_reason) == (f"msg_{job_id}", "end_turn")
    assert message.content[0].to_dict() == {"type": "text", "text": "42", "citations": None}
    assert (message.model_extra or {})["pointsman"]["ignored"] == ["service_tier"]
    assert raw.headers["x-pointsman-model"] == "gpt-4"
    assert (await api.driver.get(job_id)).metadata == {"user_id": "u1"}


ENDS = [
    ("rate_limited", anthropic.RateLimitError, 429, "rate_limit_error", "false"),
    ("quota_exhausted", anthropic.EnforcedSpendLimitReachedError, 429, "rate_limit_error", "false"),
    ("overloaded", anthropic.OverloadedError, 529, "overloaded_error", "true"),
    ("server_error", anthropic.InternalServerError, 500, "api_error", "true"),
    ("timeout", anthropic.GatewayTimeoutError, 504, "timeout_error", "true"),
    ("connection", anthropic.InternalServerError, 502, "api_error", "true"),
    ("auth", anthropic.InternalServerError, 502, "api_error", "false"),
    ("invalid_request", anthropic.BadRequestError, 400, "invalid_request_error", "false"),
    ("context_too_long", anthropic.BadRequestError, 400, "invalid_request_error", "false"),
    ("content_filtered", anthropic.BadRequestError, 400, "invalid_request_error", "false"),
]


@pytest.mark.parametrize(("kind", "raises", "status", "of_type", "retry"), ENDS, ids=str)
async def test_a_failed_job_raises_the_exception_of_the_official_client(
    client: AsyncAnthropic, api: Api, kind: str, raises: type[Exception], status: int, of_type: str, retry: str
) -> None:
    with pytest.raises(raises) as caught:
        await ended(api, client.messages.create(**ASKED), failure(kind))
    error: Any = caught.value
    assert (error.status_code, error.type) == (status, of_type)
    assert error.request_id == error.body["request_id"]
    assert error.response.headers["x-should-retry"] == retry
    assert error.response.headers["x-pointsman-job-id"]
    assert ("retry-after" in error.response.headers) == (kind in ("rate_limited", "overloaded"))


async def test_arguments_that_are_no_object_are_an_error_of_the_model(client: AsyncAnthropic, api: Api) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": "[1"}}
    result = {**RESULT, "answer": {"text": "", "finish_reason": "tool_calls", "tool_calls": [call]}}
    attempt = {"number": 1, "binding": 1, "model": "gpt-4"}
    end = Settlement(state=JobState.SUCCEEDED, attempt=attempt, result=result)
    with pytest.raises(anthropic.InternalServerError) as caught:
        await ended(api, client.messages.create(**ASKED), end)
    assert (caught.value.status_code, caught.value.error_code) == (502, "bad_response")
    assert caught.value.response.headers["x-should-retry"] == "false"


async def test_a_wait_that_runs_out_is_a_timeout(client: AsyncAnthropic, api: Api) -> None:
    with pytest.raises(anthropic.GatewayTimeoutError) as caught:
        await client.messages.create(**ASKED, extra_headers={"x-pointsman-wait-seconds": "0.2"})
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert await api.driver.state(caught.value.response.headers["x-pointsman-job-id"]) is JobState.PENDING


@pytest.mark.parametrize(
    ("more", "raises"),
    [
        ({"model": "gpt-9"}, anthropic.NotFoundError),
        ({"max_tokens": "many"}, anthropic.BadRequestError),
        ({"temperature": 0.5}, anthropic.BadRequestError),
    ],
)
async def test_what_cannot_be_done_is_refused(
    client: AsyncAnthropic, more: dict[str, Any], raises: type[Exception]
) -> None:
    with pytest.raises(raises, match=next(iter(more))):
        await client.post(MESSAGES, cast_to=Message, body={**ASKED, **more})


async def test_the_older_version_still_knows_temperature(api: Api) -> None:
    asking = api.http.post(MESSAGES, json={**ASKED, "temperature": 0.5}, headers=VERSION)
    assert (await ended(api, asking)).status_code == 200
    reply = await api.http.post(MESSAGES, json=ASKED)
    assert (reply.status_code, reply.json()["error"]["type"]) == (400, "invalid_request_error")


async def test_tokens_are_estimated_and_nothing_is_called(client: AsyncAnthropic, api: Api) -> None:
    asked = {"model": "auto", "system": "Be brief", "messages": [{"role": "user", "content": "Hello " * 200}]}
    count = await client.messages.count_tokens(**asked)  # type: ignore[arg-type] # a plain dict of what is asked
    assert 250 <= count.input_tokens <= 350
    assert (count.model_extra or {})["estimated"] is True
    with pytest.raises(anthropic.BadRequestError, match="messages"):
        await client.messages.count_tokens(model="auto", messages=[])
    assert await api.redis.zcard(api.driver.keys.key("deadlines")) == 0


async def test_the_sequence_that_ended_an_answer_is_reported(client: AsyncAnthropic, api: Api) -> None:
    result = {**RESULT, "answer": {"text": "4", "finish_reason": "stop", "stop_sequence": "2"}}
    attempt = {"number": 1, "binding": 1, "model": "gpt-4"}
    end = Settlement(state=JobState.SUCCEEDED, attempt=attempt, result=result)
    message = await ended(api, client.messages.create(**ASKED, stop_sequences=["2"]), end)
    assert (message.stop_reason, message.stop_sequence) == ("stop_sequence", "2")


async def test_what_is_not_there_is_not_found_in_their_shape(api: Api) -> None:
    reply = await api.http.post(f"{MESSAGES}/batches", json=ASKED, headers=VERSION)
    assert (reply.status_code, reply.json()["error"]["type"]) == (404, "not_found_error")
    assert reply.json()["request_id"] == reply.headers["request-id"] == reply.headers["x-request-id"]


async def test_both_headers_for_keys_are_known(settings: Settings, catalog: Catalog) -> None:
    async with running_api(settings, catalog, api_keys=("acme:acme-key",)) as api:
        async with anthropic_client(api.url, key="wrong") as wrong:
            with pytest.raises(anthropic.AuthenticationError):
                await wrong.messages.create(**ASKED)
        async with anthropic_client(api.url, key="acme-key") as bearer:
            await ended(api, bearer.messages.create(**ASKED))
        asking = api.http.post(MESSAGES, json=ASKED, headers={**VERSION, "x-api-key": "acme-key"})
        reply = await ended(api, asking)
        assert (await api.driver.get(reply.headers["x-pointsman-job-id"])).tenant == "acme"
