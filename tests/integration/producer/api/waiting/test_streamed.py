"""Streams through the official clients: words as they come, how the job stands before, how it ends."""

from __future__ import annotations

import asyncio
from typing import Any

import anthropic
import openai
import pytest
import pytest_asyncio
from anthropic import Anthropic, AsyncAnthropic
from openai import AsyncOpenAI, OpenAI

from pointsman.producer.api.waiting import streamed as signals
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.store import job_stream as follower
from pointsman.router.vocabulary.job import JobState
from tests.support.job_streams import (
    ANSWER,
    CHAT,
    MESSAGE,
    WORDS,
    answered,
    comments,
    speak,
    streams,
    succeed,
    until_followed,
    write,
)
from tests.support.running_api import Api
from tests.support.store_driver import failure

CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"at": "it"}'}}


@pytest_asyncio.fixture
async def api(settings: Settings, catalog: Catalog) -> Any:
    async with streams(settings, catalog) as running:
        yield running


@pytest_asyncio.fixture
async def chat(api: Api) -> Any:
    async with AsyncOpenAI(**strict(f"{api.url}/v1")) as client:
        yield client


@pytest_asyncio.fixture
async def claude(api: Api) -> Any:
    async with AsyncAnthropic(**strict(api.url)) as client:
        yield client


def strict(url: str) -> dict[str, Any]:
    """Return what a client gets, so that it is as strict as it can be."""
    return {"base_url": url, "api_key": "any", "_strict_response_validation": True, "max_retries": 0}


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let heads wait for the first words however long they take."""
    monkeypatch.setattr(signals, "HEAD_SECONDS", 3600)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let heads wait for nothing."""
    monkeypatch.setattr(signals, "HEAD_SECONDS", 0)


async def spoken(api: Api, **answer: Any) -> str:
    """Let the only open job say its words, and succeed; returns its id."""
    job_id = await api.open_job()
    await until_followed(api, job_id)
    await write(api, job_id, WORDS[0])
    await speak(api, job_id, WORDS[1], offset=len(WORDS[0]))
    await succeed(api, job_id, **answer)
    return job_id


async def test_words_come_as_they_are_generated(patient: None, chat: AsyncOpenAI, api: Api) -> None:
    asking = asyncio.create_task(chat.chat.completions.create(**CHAT))
    job_id = await api.open_job()
    await until_followed(api, job_id)
    await write(api, job_id, WORDS[0])
    stream = await asking
    role, first = await anext(stream), await anext(stream)
    assert (role.choices[0].delta.role, first.choices[0].delta.content) == ("assistant", WORDS[0])
    assert (role.id, role.model) == (f"chatcmpl-{job_id}", "gpt-4")
    await speak(api, job_id, WORDS[1], offset=len(WORDS[0]))
    assert (await anext(stream)).choices[0].delta.content == WORDS[1]
    await succeed(api, job_id)
    rest, last = [chunk async for chunk in stream]
    assert rest.choices[0].delta.content == WORDS[2]
    assert last.choices[0].finish_reason == "stop"
    ours = (last.model_extra or {})["pointsman"]
    assert (ours["job_id"], ours["task_class"], ours["ignored"]) == (job_id, "technical_support", [])
    assert ours["queue_seconds"] >= 0


async def test_openais_own_reader_of_streams_has_the_answer(chat: AsyncOpenAI, api: Api) -> None:
    async def read() -> Any:
        options: Any = {"include_usage": True}
        asked = {name: value for name, value in CHAT.items() if name != "stream"}
        async with chat.chat.completions.stream(**asked, stream_options=options) as stream:
            deltas = [event.delta async for event in stream if event.type == "content.delta"]
            return deltas, await stream.get_final_completion()

    reading = asyncio.create_task(read())
    await spoken(api, tool_calls=[CALL], finish_reason="tool_calls")
    deltas, completion = await reading
    assert "".join(deltas) == ANSWER
    choice = completion.choices[0]
    assert (choice.message.content, choice.finish_reason) == (ANSWER, "tool_calls")
    assert [call.function.arguments for call in choice.message.tool_calls] == ['{"at": "it"}']
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (9, 5)


async def test_the_blocking_clients_read_streams_too(api: Api) -> None:
    def read_chat() -> str:
        with OpenAI(**strict(f"{api.url}/v1")) as client, client.chat.completions.create(**CHAT) as stream:
            return "".join(chunk.choices[0].delta.content or "" for chunk in stream)

    def read_message() -> str:
        asked = {name: value for name, value in MESSAGE.items() if name != "stream"}
        with Anthropic(**strict(api.url)) as client, client.messages.stream(**asked) as stream:
            return stream.get_final_text()

    for read in (read_chat, read_message):
        reading = asyncio.create_task(asyncio.to_thread(read))
        await spoken(api)
        assert await reading == ANSWER


async def test_messages_come_as_events(claude: AsyncAnthropic, api: Api) -> None:
    async def read() -> list[Any]:
        return [event async for event in await claude.messages.create(**MESSAGE)]

    reading = asyncio.create_task(read())
    job_id = await spoken(api)
    found = await reading
    assert (found[0].type, found[0].message.id, found[0].message.model) == (
        "message_start", f"msg_{job_id}", "gpt-4",
    )  # fmt: skip
    assert "".join(event.delta.text for event in found if event.type == "content_block_delta") == ANSWER
    assert (found[-2].delta.stop_reason, found[-2].usage.output_tokens) == ("end_turn", 5)
    assert found[-2].model_extra["pointsman"]["job_id"] == job_id
    assert found[-1].type == "message_stop"


async def test_anthropics_own_reader_of_streams_has_the_message(claude: AsyncAnthropic, api: Api) -> None:
    async def read() -> Any:
        asked = {name: value for name, value in MESSAGE.items() if name != "stream"}
        async with claude.messages.stream(**asked) as stream:
            return "".join([text async for text in stream.text_stream]), await stream.get_final_message()

    reading = asyncio.create_task(read())
    await spoken(api, tool_calls=[CALL], finish_reason="tool_calls")
    text, message = await reading
    assert text == ANSWER
    assert [block.type for block in message.content] == ["text", "tool_use"]
    assert (message.content[1].input, message.stop_reason) == ({"at": "it"}, "tool_use")
    assert (message.usage.input_tokens, message.usage.cache_read_input_tokens) == (5, 4)


EARLY = [
    ("rate_limited", openai.RateLimitError, anthropic.RateLimitError, "false"),
    ("invalid_request", openai.BadRequestError, anthropic.BadRequestError, "false"),
]


@pytest.mark.parametrize(("kind", "openais", "anthropics", "retry"), EARLY, ids=str)
async def test_a_job_that_fails_at_once_has_its_status(
    patient: None, chat: Any, claude: Any, api: Api, kind: str, openais: Any, anthropics: Any, retry: str
) -> None:
    for create, body, raises in (
        (chat.chat.completions.create, CHAT, openais),
        (claude.messages.create, MESSAGE, anthropics),
    ):
        asking = asyncio.create_task(create(**body))
        await api.finish(await api.open_job(), failure(kind))
        with pytest.raises(raises) as caught:
            await asking
        assert caught.value.response.headers["x-should-retry"] == retry
        assert caught.value.response.headers["x-pointsman-job-id"]


async def test_a_request_that_is_wrong_has_its_status(chat: AsyncOpenAI, claude: AsyncAnthropic) -> None:
    with pytest.raises(openai.NotFoundError):
        await chat.chat.completions.create(**{**CHAT, "model": "gpt-9"})
    with pytest.raises(openai.BadRequestError, match="stream_options"):
        await chat.chat.completions.create(**CHAT, extra_body={"stream_options": {"speed": 1}})
    with pytest.raises(anthropic.BadRequestError, match="max_tokens"):
        await claude.messages.create(**{**MESSAGE, "max_tokens": 0})


async def test_a_job_that_fails_later_is_an_error_of_the_stream(
    at_once: None, chat: AsyncOpenAI, claude: AsyncAnthropic, api: Api
) -> None:
    stream = await chat.chat.completions.create(**CHAT)
    await api.finish(await api.open_job(), failure("overloaded"))
    with pytest.raises(openai.APIError, match="it broke") as caught:
        await anext(stream)
    assert (caught.value.code, caught.value.type) == ("server_overloaded", "server_error")

    events = await claude.messages.create(**MESSAGE)
    await api.finish(await api.open_job(), failure("overloaded"))
    with pytest.raises(anthropic.APIStatusError) as received:
        await anext(events)
    assert (received.value.type, received.value.error_code) == ("overloaded_error", "server_overloaded")


async def test_a_job_that_breaks_off_ends_its_stream_with_an_error(
    chat: AsyncOpenAI, claude: AsyncAnthropic, api: Api
) -> None:
    got: asyncio.Queue[str] = asyncio.Queue()

    async def read_chat() -> None:
        async for chunk in await chat.chat.completions.create(**CHAT):
            if chunk.choices[0].delta.content:
                got.put_nowait(chunk.choices[0].delta.content)

    async def read_message() -> None:
        async for event in await claude.messages.create(**MESSAGE):
            if event.type == "content_block_delta":
                got.put_nowait(event.delta.text)  # type: ignore[union-attr] # only text comes here

    for read, raises in ((read_chat, openai.APIError), (read_message, anthropic.APIStatusError)):
        reading = asyncio.create_task(read())
        job_id = await api.open_job()
        await until_followed(api, job_id)
        await write(api, job_id, WORDS[0])
        assert await got.get() == WORDS[0]
        await api.driver.settle(job_id, settlement=failure("bad_response", state=JobState.PENDING))
        with pytest.raises(raises, match="the answer broke off after its first words"):
            await reading
        assert got.empty()


async def test_arguments_that_are_no_object_end_a_message_with_an_error(
    at_once: None, claude: AsyncAnthropic, api: Api
) -> None:
    events = await claude.messages.create(**MESSAGE)
    broken = {**CALL, "function": {"name": "look", "arguments": "[1"}}
    await api.finish(await api.open_job(), answered("", tool_calls=[broken], finish_reason="tool_calls"))
    with pytest.raises(anthropic.APIStatusError, match="no JSON object"):
        _ = [event async for event in events]


async def test_until_the_first_words_comments_report_how_the_job_stands(
    at_once: None, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "RECHECK_SECONDS", 0.05)
    before = await api.submit(task_class="technical_support")
    async with api.http.stream("POST", "/v1/chat/completions", json=CHAT) as reply:
        assert reply.headers["content-type"].startswith("text/event-stream")
        assert reply.headers["x-pointsman-class"] == "technical_support"
        assert "x-pointsman-model" not in reply.headers
        job_id = reply.headers["x-pointsman-job-id"]
        received = comments(reply)
        await received.until("pointsman queued, place 2")
        await api.http.delete(f"/v1/jobs/{before}")
        await received.until("pointsman queued, place 1")
        await api.driver.announce()
        await api.driver.bind(job_id)
        await received.until("pointsman bound to gpt-4")
        await api.driver.claim(job_id)
        await received.until("pointsman running at gpt-4")
        await speak(api, job_id, WORDS[0])
        await received.until("keep-alive")
        await succeed(api, job_id)
        assert await received.rest() == ANSWER


async def test_the_head_names_the_model_where_it_comes_with_the_first_words(patient: None, api: Api) -> None:
    asking = asyncio.create_task(api.http.post("/v1/chat/completions", json=CHAT))
    job_id = await spoken(api)
    reply = await asking
    assert reply.headers["x-pointsman-model"] == "gpt-4"
    assert reply.headers["x-pointsman-job-id"] == job_id
    assert reply.headers["cache-control"] == "no-cache"
    assert reply.text.endswith("data: [DONE]\n\n")
