"""Chat completions through the official client: the answer, every error, and callers who do not wait to the end."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletion

from pointsman.local.ports import free_port
from pointsman.producer.api.waiting import caller as waiting
from pointsman.producer.api.waiting import until_end as long_poll
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.vocabulary.job import JobState
from tests.support.batch_files import openai_client
from tests.support.live import eventually
from tests.support.redis_server import running_redis
from tests.support.running_api import Api, running_api
from tests.support.store_driver import failure, success

CHAT = "/v1/chat/completions"
HELLO: Any = [{"role": "user", "content": "Hello"}]
SUPPORT: dict[str, Any] = {"model": "technical_support", "messages": HELLO}


async def ended(api: Api, asking: Any, end: Any = None) -> Any:
    """End the job of a question in flight and return what the caller gets."""
    asked = asyncio.create_task(asking)
    await api.finish(await api.open_job(), end)
    return await asked


async def test_an_answer_comes_in_openais_shape(sdk: AsyncOpenAI, api: Api) -> None:
    asking = sdk.chat.completions.with_raw_response.create(**SUPPORT, user="me", metadata={"a": "b"})
    raw = await ended(api, asking)
    completion: ChatCompletion = raw.parse()
    assert completion.choices[0].message.content == "42"
    assert (completion.model_extra or {})["pointsman"]["ignored"] == ["user"]
    job = await api.driver.get(raw.headers["x-pointsman-job-id"])
    assert completion.id == f"chatcmpl-{job.id}"
    assert (job.task_class, job.metadata) == ("technical_support", {"a": "b"})
    assert raw.headers["x-pointsman-model"] == "gpt-4"
    assert raw.headers["x-pointsman-class"] == "technical_support"
    assert float(raw.headers["x-pointsman-queue-seconds"]) >= 0


async def test_what_the_official_client_can_send_reaches_the_worker(sdk: AsyncOpenAI, api: Api) -> None:
    parameters: dict[str, Any] = {
        "reasoning_effort": "low", "verbosity": "high", "frequency_penalty": 0.5, "presence_penalty": -0.5,
        "parallel_tool_calls": False,
    }  # fmt: skip
    asked = asyncio.create_task(sdk.chat.completions.create(**SUPPORT, **parameters))
    job_id = await api.open_job()
    await api.driver.announce()
    await api.driver.bind(job_id)
    claim = await api.driver.claim(job_id)
    assert claim is not None
    assert {name: claim.payload["chat"][name] for name in parameters} == parameters
    await api.driver.settle(job_id, settlement=success())
    assert (await asked).choices[0].message.content == "42"


ENDS = [
    ("rate_limited", openai.RateLimitError, 429, "rate_limit_exceeded", "false"),
    ("quota_exhausted", openai.RateLimitError, 429, "insufficient_quota", "false"),
    ("overloaded", openai.InternalServerError, 503, "server_overloaded", "true"),
    ("server_error", openai.InternalServerError, 500, "server_error", "true"),
    ("timeout", openai.InternalServerError, 504, "timeout", "true"),
    ("connection", openai.InternalServerError, 502, "connection_error", "true"),
    ("bad_response", openai.InternalServerError, 502, "bad_response", "true"),
    ("auth", openai.InternalServerError, 502, "upstream_auth", "false"),
    ("invalid_request", openai.BadRequestError, 400, "invalid_request", "false"),
    ("context_too_long", openai.BadRequestError, 400, "context_length_exceeded", "false"),
    ("content_filtered", openai.BadRequestError, 400, "content_filter", "false"),
]


@pytest.mark.parametrize(("kind", "raises", "status", "code", "retry"), ENDS, ids=str)
async def test_a_failed_job_raises_the_exception_of_the_official_client(
    sdk: AsyncOpenAI, api: Api, kind: str, raises: type[Exception], status: int, code: str, retry: str
) -> None:
    with pytest.raises(raises) as caught:
        await ended(api, sdk.chat.completions.create(**SUPPORT), failure(kind))
    error: Any = caught.value
    assert (error.status_code, error.code) == (status, code)
    assert error.request_id
    assert error.response.headers["x-should-retry"] == retry
    assert error.response.headers["x-pointsman-job-id"]
    assert ("retry-after" in error.response.headers) == (kind in ("rate_limited", "overloaded"))


async def test_the_official_client_does_not_repeat_what_was_tried_often_enough(sdk: AsyncOpenAI, api: Api) -> None:
    patient = sdk.with_options(max_retries=2)
    body = {"pointsman": {"max_attempts": 1}}
    with pytest.raises(openai.InternalServerError):
        await ended(api, patient.chat.completions.create(**SUPPORT, extra_body=body), failure("server_error"))
    assert await api.redis.get(api.driver.keys.key("sequence")) == "1", "each try of the client would be a job"


@pytest.mark.parametrize(("cool_seconds", "least", "most"), [(90, 30, 90), (3600, 120, 120)])
async def test_a_rate_limit_knows_when_to_come_again(
    sdk: AsyncOpenAI, api: Api, cool_seconds: int, least: int, most: int
) -> None:
    end = failure("rate_limited", cool_seconds=cool_seconds)
    with pytest.raises(openai.RateLimitError) as caught:
        await ended(api, sdk.chat.completions.create(**SUPPORT), end)
    headers = caught.value.response.headers
    assert least <= int(headers["retry-after"]) <= most
    assert 1000 * least <= int(headers["retry-after-ms"]) <= 1000 * most


async def test_a_cancelled_job_is_not_tried_again(api: Api) -> None:
    async with openai_client(api.url) as patient:
        asked = asyncio.create_task(patient.chat.completions.create(**SUPPORT))
        await api.http.delete(f"/v1/jobs/{await api.open_job()}")
        with pytest.raises(openai.ConflictError) as caught:
            await asked
    assert caught.value.code == "cancelled"


async def test_a_caller_who_hangs_up_cancels_the_job(api: Api) -> None:
    asked = asyncio.create_task(api.http.post(CHAT, json=SUPPORT))
    job_id = await api.open_job()
    await api.until_subscribers(job_id, 1)
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)

    async def cancelled() -> bool:
        return await api.driver.state(job_id) is JobState.CANCELLED

    await eventually(cancelled, what="the job cancelled")


async def test_with_an_idempotency_key_a_caller_who_comes_back_finds_the_same_job(api: Api) -> None:
    headers = {"idempotency-key": "once"}
    async with httpx.AsyncClient(base_url=api.url, verify=False) as other:
        asked = asyncio.create_task(other.post(CHAT, json=SUPPORT, headers=headers, timeout=60))
        job_id = await api.open_job()
        await api.until_subscribers(job_id, 1)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
    await api.until_subscribers(job_id, 0)
    again = asyncio.create_task(api.http.post(CHAT, json=SUPPORT, headers=headers))
    await api.until_subscribers(job_id, 1)
    await api.finish(job_id)
    assert (await again).headers["x-pointsman-job-id"] == job_id
    other_request = {**SUPPORT, "messages": [{"role": "user", "content": "Bye"}]}
    assert (await api.http.post(CHAT, json=other_request, headers=headers)).status_code == 409


@pytest.mark.parametrize(("key", "retry"), [({}, "false"), ({"idempotency-key": "once"}, "true")])
async def test_a_wait_that_runs_out_leaves_the_job_going(api: Api, key: dict[str, str], retry: str) -> None:
    reply = await api.http.post(CHAT, json=SUPPORT, headers={"x-pointsman-wait-seconds": "0.2", **key})
    assert (reply.status_code, reply.json()["error"]["code"]) == (504, "timeout")
    assert reply.headers["x-should-retry"] == retry
    job_id = reply.headers["x-pointsman-job-id"]
    await api.finish(job_id)
    assert (await api.get(job_id)).json()["result"]["answer"]["text"] == "42"


async def test_a_server_that_ends_leaves_the_job_going(api: Api) -> None:
    asked = asyncio.create_task(api.http.post(CHAT, json=SUPPORT))
    job_id = await api.open_job()
    await api.until_subscribers(job_id, 1)
    api.serving.cancel()
    reply = await asked
    assert (reply.status_code, reply.headers["x-should-retry"]) == (504, "false")
    assert await api.driver.state(job_id) is JobState.PENDING


BAD: list[tuple[dict[str, Any], int, str | None, str]] = [
    ({"n": 2}, 400, "n", "unsupported_parameter"),
    ({"model": "gpt-9"}, 404, "model", "model_not_found"),
    ({"model": None}, 400, "model", "missing_required_parameter"),
    ({"messages": None}, 400, "messages", "missing_required_parameter"),
    ({"messages": 5}, 400, "messages", "invalid_value"),
    ({"tools": 5}, 400, "tools", "invalid_value"),
    ({"metadata": {"a": 5}}, 400, "metadata.a", "invalid_value"),
    ({"pointsman": {"priority": 99}}, 400, "pointsman.priority", "invalid_value"),
    ({"pointsman": {"strategy": "no_such"}}, 400, "strategy", "invalid_value"),
    ({"temperatur": 1}, 400, "temperatur", "unsupported_parameter"),
]


@pytest.mark.parametrize(("more", "status", "param", "code"), BAD, ids=lambda value: str(value)[:40])
async def test_what_cannot_be_done_is_refused_by_name(
    sdk: AsyncOpenAI, more: dict[str, Any], status: int, param: str | None, code: str
) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        await sdk.post(CHAT.removeprefix("/v1"), cast_to=ChatCompletion, body={**SUPPORT, **more})
    assert isinstance(caught.value, openai.NotFoundError if status == 404 else openai.BadRequestError)
    assert (caught.value.param, caught.value.code) == (param, code)


HALF = rb'{"model": "auto", "messages": [{"role": "user", "content": "\ud800"}]}'
BROKEN = [b"", b"{", b"[]", b"5", b"\xff", HALF]


@pytest.mark.parametrize("body", BROKEN)
async def test_a_body_that_is_no_json_object_is_refused(api: Api, body: bytes) -> None:
    reply = await api.http.post(CHAT, content=body, headers={"content-type": "application/json"})
    assert reply.status_code == 400
    assert set(reply.json()["error"]) == {"message", "type", "param", "code"}


async def test_only_who_has_a_key_is_answered(settings: Settings, catalog: Catalog) -> None:
    async with running_api(settings, catalog, api_keys=("acme:acme-key",)) as api:
        async with openai_client(api.url, key="wrong") as wrong:
            with pytest.raises(openai.AuthenticationError) as caught:
                await wrong.chat.completions.create(**SUPPORT)
        assert caught.value.code == "invalid_api_key"
        async with openai_client(api.url, key="acme-key") as acme:
            await ended(api, acme.chat.completions.create(**SUPPORT))
        jobs: Any = await api.redis.zrange(api.driver.keys.key("state", "succeeded"), 0, -1)
        assert (await api.driver.get(jobs[0])).tenant == "acme"


async def test_a_wait_outlives_a_redis_that_goes_away(
    settings: Settings, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(long_poll, "RECHECK_SECONDS", 0.05)
    monkeypatch.setattr(waiting, "REDIS_AWAY_SECONDS", 0.05)
    port, kept = free_port(), {"appendonly": "yes"}
    async with running_api(settings, catalog, redis_url=f"redis://127.0.0.1:{port}/0") as api:
        reply = await api.http.post(CHAT, json=SUPPORT)
        assert (reply.status_code, reply.json()["error"]["code"]) == (503, "store_unavailable")
        assert (reply.headers["retry-after"], reply.headers["retry-after-ms"]) == ("2", "2000")
        with running_redis(tmp_path, port=port, options=kept):
            asked = asyncio.create_task(api.http.post(CHAT, json=SUPPORT))
            job_id = await api.open_job()
            await api.until_subscribers(job_id, 1)
        for _ in range(3):  # each takes as long as many looks of the one who waits
            assert (await api.get(job_id)).status_code == 503
        assert not asked.done()
        with running_redis(tmp_path, port=port, options=kept):
            await api.finish(job_id)
            assert (await asked).json()["choices"][0]["message"]["content"] == "42"


async def test_an_accepted_job_that_is_out_of_sight_is_not_to_be_made_again(
    settings: Settings, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(long_poll, "RECHECK_SECONDS", 0.05)
    port = free_port()
    async with running_api(settings, catalog, redis_url=f"redis://127.0.0.1:{port}/0") as api:
        with running_redis(tmp_path, port=port):
            headers = {"x-pointsman-wait-seconds": "6"}
            asked = asyncio.create_task(api.http.post(CHAT, json=SUPPORT, headers=headers))
            job_id = await api.open_job()
            await api.until_subscribers(job_id, 1)
        reply = await asked
        assert (reply.status_code, reply.json()["error"]["code"]) == (503, "store_unavailable")
        assert (reply.headers["x-should-retry"], reply.headers["x-pointsman-job-id"]) == ("false", job_id)
