"""Responses in the background through the official client: every state, cancel, deadline, and what is refused."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from openai import AsyncOpenAI
from openai.types.responses import Response

from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.store import Settlement
from pointsman.router.vocabulary.job import JobState
from tests.support.batch_files import openai_client
from tests.support.running_api import Api, running_api
from tests.support.store_driver import RESULT, failure

TOOL: Any = {"type": "function", "name": "look", "parameters": {"type": "object"}, "strict": False}
ASKED: dict[str, Any] = {
    "model": "technical_support", "input": "Hello", "background": True, "instructions": "Be brief " * 100,
    "metadata": {"a": "b"}, "temperature": 0.5, "user": "me",
}  # fmt: skip


def job_of(response: Response) -> str:
    """Return the id of the job behind a response."""
    return response.id.removeprefix("resp_")


async def test_a_response_goes_from_queued_to_completed(sdk: AsyncOpenAI, api: Api) -> None:
    raw = await sdk.responses.with_raw_response.create(**ASKED)
    response: Response = raw.parse()
    job_id = job_of(response)
    assert raw.headers["x-pointsman-job-id"] == job_id
    assert (response.status, response.background, response.output) == ("queued", True, [])
    await api.driver.announce()
    await api.driver.bind(job_id)
    assert (await sdk.responses.retrieve(response.id)).status == "queued"
    assert await api.driver.claim(job_id) is not None
    assert (await sdk.responses.retrieve(response.id)).status == "in_progress"
    end = Settlement(state=JobState.SUCCEEDED, attempt={"number": 1, "binding": 1, "model": "gpt-4"}, result=RESULT)
    await api.driver.settle(job_id, settlement=end)
    done = await sdk.responses.retrieve(response.id)
    assert (done.status, done.output_text, done.model) == ("completed", "42", "gpt-4")
    assert done.usage is not None
    for seen in (response, done):
        assert (seen.instructions, seen.metadata, seen.temperature) == (ASKED["instructions"], {"a": "b"}, 0.5)
        assert (seen.model_extra or {})["pointsman"]["ignored"] == ["user"]


async def test_its_tools_are_reported_again(sdk: AsyncOpenAI) -> None:
    response = await sdk.responses.create(**ASKED, tools=[TOOL], tool_choice={"type": "function", "name": "look"})
    seen = await sdk.responses.retrieve(response.id)
    assert [tool.to_dict() for tool in seen.tools] == [TOOL]
    assert seen.tool_choice == response.tool_choice


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("rate_limited", "failed", "rate_limit_exceeded"),
        ("context_too_long", "failed", "invalid_prompt"),
        ("auth", "failed", "server_error"),
        ("content_filtered", "incomplete", None),
    ],
)
async def test_a_failure_is_reported_with_a_code_of_theirs(
    sdk: AsyncOpenAI, api: Api, kind: str, status: str, code: str | None
) -> None:
    response = await sdk.responses.create(**ASKED)
    await api.finish(job_of(response), failure(kind))
    ended = await sdk.responses.retrieve(response.id)
    assert ended.status == status
    assert (ended.error.code if ended.error else None) == code
    reason = ended.incomplete_details.reason if ended.incomplete_details else None
    assert reason == ("content_filter" if status == "incomplete" else None)


async def test_an_answer_that_was_cut_is_incomplete(sdk: AsyncOpenAI, api: Api) -> None:
    response = await sdk.responses.create(**ASKED)
    result = {**RESULT, "answer": {"text": "4", "finish_reason": "length"}}
    attempt = {"number": 1, "binding": 1, "model": "gpt-4"}
    await api.finish(job_of(response), Settlement(state=JobState.SUCCEEDED, attempt=attempt, result=result))
    assert (await sdk.responses.retrieve(response.id)).status == "incomplete"


async def test_a_response_can_be_cancelled_twice(sdk: AsyncOpenAI, api: Api) -> None:
    response = await sdk.responses.create(**ASKED)
    for _ in range(2):
        assert (await sdk.responses.cancel(response.id)).status == "cancelled"
    assert await api.driver.state(job_of(response)) is JobState.CANCELLED


async def test_a_cancel_comes_too_late_for_a_response_that_has_ended(sdk: AsyncOpenAI, api: Api) -> None:
    response = await sdk.responses.create(**ASKED)
    await api.finish(job_of(response))
    assert (await sdk.responses.cancel(response.id)).status == "completed"


@pytest.mark.parametrize(("window", "seconds"), [("2h", 7200), ("30m", 1800), ("soonest", 86_400)])
async def test_the_completion_window_is_the_deadline(sdk: AsyncOpenAI, api: Api, window: Any, seconds: int) -> None:
    response = await sdk.responses.create(**ASKED, background_options={"completion_window": window})
    job = await api.driver.get(job_of(response))
    assert job.expires - job.submitted == seconds
    await api.driver.rounds.expire(now=round(job.expires * 1000) + 1)
    ended = await sdk.responses.retrieve(response.id)
    assert ended.status == "failed"
    assert ended.error is not None


async def test_the_same_request_under_one_key_is_one_response(sdk: AsyncOpenAI) -> None:
    headers = {"Idempotency-Key": "once"}
    first = await sdk.responses.create(**ASKED, extra_headers=headers)
    assert (await sdk.responses.create(**ASKED, extra_headers=headers)).id == first.id
    with pytest.raises(openai.ConflictError):
        await sdk.responses.create(**{**ASKED, "input": "Bye"}, extra_headers=headers)


ITEMS: Any = [
    {"role": "developer", "content": "Be brief"},
    {"role": "user", "content": [
        {"type": "input_text", "text": "What is it?"}, {"type": "input_image", "image_url": "https://x/y.png"},
    ]},
    {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}", "id": "fc_theirs"},
    {"type": "function_call_output", "call_id": "c", "output": "a cat"},
    {"role": "assistant", "content": "A cat"},
    {"role": "user", "content": "Which?"},
]  # fmt: skip


async def test_the_input_can_be_read_again_where_it_was_stored(sdk: AsyncOpenAI) -> None:
    response = await sdk.responses.create(**{**ASKED, "input": ITEMS}, store=True)
    assert (response.model_extra or {})["pointsman"]["ignored"] == ["user"]
    read = [item async for item in sdk.responses.input_items.list(response.id, limit=4, order="asc")]
    assert [item.type for item in read] == [
        "message", "message", "function_call", "function_call_output", "message", "message",
    ]  # fmt: skip
    assert len({item.id for item in read}) == len(ITEMS)
    first = (await sdk.responses.input_items.list(response.id, limit=1)).data[0]
    assert first.to_dict()["content"] == [{"type": "input_text", "text": "Which?"}]
    with pytest.raises(openai.BadRequestError):
        await sdk.responses.input_items.list(response.id, after="msg_of_nobody")


@pytest.mark.parametrize("store", [None, False])
async def test_an_input_that_was_not_stored_is_not_there(sdk: AsyncOpenAI, store: bool | None) -> None:
    response = await sdk.responses.create(**ASKED, store=store)
    with pytest.raises(openai.NotFoundError, match="store: true"):
        await sdk.responses.input_items.list(response.id)


@pytest.mark.parametrize("ended", [True, False])
async def test_a_deleted_response_leaves_nothing(sdk: AsyncOpenAI, api: Api, ended: bool) -> None:
    keys = api.driver.keys
    response = await sdk.responses.create(**ASKED, store=True)
    if ended:
        await api.finish(job_of(response))
    await sdk.responses.delete(response.id)
    for ask in (sdk.responses.retrieve, sdk.responses.delete):
        with pytest.raises(openai.NotFoundError):
            await ask(response.id)
    left = [key async for key in api.redis.scan_iter(match=f"*{job_of(response)}*")]
    assert left == []
    for name, value in (("finished", ""), ("deadlines", ""), ("state", "succeeded"), ("state", "cancelled")):
        assert await api.redis.zcard(keys.key(name, value)) == 0


OPTIONS = "background_options"
BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"background": None}, "background", "background_required"),
    ({"background": False}, "background", "background_required"),
    ({"background": "yes"}, "background", "background_required"),
    ({"stream": True}, "stream", "unsupported_parameter"),
    ({"background_options": {"continuation_id": "c"}}, f"{OPTIONS}.continuation_id", "unsupported_parameter"),
    ({"background_options": {"completion_window": "1s"}}, f"{OPTIONS}.completion_window", "invalid_value"),
    ({"background_options": {"completion_window": []}}, f"{OPTIONS}.completion_window", "invalid_value"),
    ({"background_options": 5}, "background_options", "invalid_type"),
    ({"store": "yes"}, "store", "invalid_type"),
    ({"input": 5}, "input", "missing_required_parameter"),
    ({"input": [5]}, "input.0", "unsupported_parameter"),
    ({"tools": 5}, "tools", "invalid_type"),
    ({"previous_response_id": "resp_1"}, "previous_response_id", "unsupported_parameter"),
]  # fmt: skip


@pytest.mark.parametrize(("more", "param", "code"), BAD, ids=lambda value: str(value)[:40])
async def test_what_cannot_be_done_is_refused_by_name(
    sdk: AsyncOpenAI, more: dict[str, Any], param: str, code: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await sdk.post("/responses", cast_to=Response, body={**ASKED, **more})
    assert ((caught.value.param or "").startswith(param), caught.value.code) == (True, code)


async def test_without_background_the_way_is_named(sdk: AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="POST /v1/chat/completions"):
        await sdk.responses.create(model="auto", input="Hello")


async def test_a_stream_of_a_response_is_refused(sdk: AsyncOpenAI) -> None:
    response = await sdk.responses.create(**ASKED)
    with pytest.raises(openai.BadRequestError):
        await sdk.responses.retrieve(response.id, stream=True)


@pytest.mark.parametrize("response_id", ["resp_never_was_there", "x", "resp_", "resp_a/../b"])
async def test_an_unknown_response_is_not_found(sdk: AsyncOpenAI, response_id: str) -> None:
    for ask in (sdk.responses.retrieve, sdk.responses.cancel):
        with pytest.raises(openai.NotFoundError):
            await ask(response_id)


async def test_a_tenant_sees_its_own_responses_only(settings: Settings, catalog: Catalog) -> None:
    async with running_api(settings, catalog, api_keys=("acme:acme-key", "other:other-key")) as api:
        async with openai_client(api.url, key="acme-key") as acme:
            response = await acme.responses.create(**ASKED)
            assert (await acme.responses.retrieve(response.id)).status == "queued"
        async with openai_client(api.url, key="other-key") as other:
            for ask in (other.responses.retrieve, other.responses.cancel):
                with pytest.raises(openai.NotFoundError):
                    await ask(response.id)
