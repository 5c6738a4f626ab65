"""Streams of the simulated server: for the vendors' own clients, at the model's pace, and broken on purpose."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from google.genai import types as genai_types

from pointsman.router.runtime.http import AsyncClient
from pointsman.router.vocabulary.chat import Answer
from pointsman.router.vocabulary.errors import ErrorKind
from pointsman.workers.call import OnText, call, ignore_text
from pointsman.workers.errors import CallFailed
from pointsman.workers.providers import FORMATS
from tests.support.simulated_clients import anthropic_client, gemini_client, openai_client
from tests.support.simulated_server import PROMPT, serving, stats, until_in_flight
from tests.support.vendors.models import HELLO, UPSTREAM, model_for
from tests.support.vendors.sdk_cases import ANTHROPIC_TOOL, OPENAI_TOOL

MESSAGES: Any = [{"role": "user", "content": PROMPT}]
EVERY_FORMAT = pytest.mark.parametrize("vendor", sorted(FORMATS))


async def ask(http: AsyncClient, vendor: str, on_text: OnText, *, stream: bool = True, **chat: Any) -> Answer:
    """Ask as a worker does."""
    model = model_for(vendor, str(http.base_url).rstrip("/"))
    request = FORMATS[vendor].request(HELLO.model_copy(update=chat), model, None, stream=stream)
    return (await call(http, FORMATS[vendor], request, timeout_seconds=600, on_text=on_text)).answer


async def test_openai_gets_a_stream_with_usage_where_it_asks_for_it() -> None:
    async with serving() as http, openai_client(http) as client:
        asked: Any = {"model": "m", "messages": MESSAGES, "stream": True}
        plain = [chunk async for chunk in await client.chat.completions.create(**asked)]
        asked["stream_options"] = {"include_usage": True}
        chunks = [chunk async for chunk in await client.chat.completions.create(**asked)]
    assert all(chunk.usage is None for chunk in plain)
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens > 2
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text.startswith("[simulated] ")
    assert chunks[-2].choices[0].finish_reason == "stop"


async def test_anthropic_gets_a_stream() -> None:
    async with (
        serving() as http,
        anthropic_client(http) as client,
        client.messages.stream(model="m", max_tokens=5, messages=MESSAGES) as stream,
    ):
        received = [text async for text in stream.text_stream]
        message = await stream.get_final_message()
    assert len(received) == 5
    assert "".join(received).startswith("[simulated] ")
    assert (message.stop_reason, message.usage.output_tokens) == ("max_tokens", 5)


async def test_gemini_gets_a_stream() -> None:
    async with serving() as http:
        asked = gemini_client(http).aio.models.generate_content_stream(model="m", contents=PROMPT)
        chunks = [chunk async for chunk in await asked]
    assert "".join(chunk.text or "" for chunk in chunks).startswith("[simulated] ")
    last = chunks[-1]
    assert last.candidates is not None
    assert last.candidates[0].finish_reason is genai_types.FinishReason.STOP
    assert last.usage_metadata is not None
    assert last.usage_metadata.candidates_token_count


async def test_each_client_gets_a_tool_call_as_a_stream() -> None:
    async with serving() as http:
        async with openai_client(http) as client:
            asked: Any = {"model": "m", "messages": MESSAGES, "tools": [OPENAI_TOOL], "tool_choice": "required"}
            async with client.chat.completions.stream(**asked) as stream:
                [call_] = (await stream.get_final_completion()).choices[0].message.tool_calls or []
        async with anthropic_client(http) as claude:
            choice: Any = {"tools": [ANTHROPIC_TOOL], "tool_choice": {"type": "any"}}
            async with claude.messages.stream(model="m", max_tokens=9, messages=MESSAGES, **choice) as stream:
                [block] = (await stream.get_final_message()).content
        schema: Any = {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}, "required": ["city"]}
        declared = genai_types.FunctionDeclaration(name="weather", parameters=schema)
        weather = genai_types.Tool(function_declarations=[declared])
        calling = genai_types.FunctionCallingConfig(mode=genai_types.FunctionCallingConfigMode.ANY)
        config = genai_types.GenerateContentConfig(
            tools=[weather], tool_config=genai_types.ToolConfig(function_calling_config=calling)
        )
        gemini = gemini_client(http).aio.models.generate_content_stream(model="m", contents=PROMPT, config=config)
        [found] = [named async for chunk in await gemini for named in chunk.function_calls or ()]
    assert json.loads(call_.function.arguments) == {"city": "[simulated]"}
    assert block.type == "tool_use"
    assert (block.name, block.input) == ("weather", {"city": "[simulated]"})
    assert (found.name, found.args) == ("weather", {"city": "[simulated]"})


@EVERY_FORMAT
async def test_a_stream_says_what_the_whole_answer_says_and_is_marked(vendor: str) -> None:
    async with serving() as http:
        received: list[str] = []
        streamed = await ask(http, vendor, received.append)
        whole = await ask(http, vendor, ignore_text, stream=False)
    assert streamed.model_copy(update={"upstream_id": whole.upstream_id}) == whole
    assert "".join(received) == streamed.text
    assert streamed.simulated


BREAKAGES = [
    ({"disconnect_rate": 1.0}, {ErrorKind.BAD_RESPONSE, ErrorKind.CONNECTION}),
    ({"bad_response_rate": 1.0}, {ErrorKind.BAD_RESPONSE}),
    # without its status OpenAI's error says no more than server_error
    ({"overloaded_rate": 1.0, "stream_errors": True}, {ErrorKind.OVERLOADED, ErrorKind.SERVER_ERROR}),
    ({"server_error_rate": 1.0, "stream_errors": True}, {ErrorKind.SERVER_ERROR}),
    ({"rate_limit_rate": 1.0, "stream_errors": True}, {ErrorKind.RATE_LIMITED}),
]


@EVERY_FORMAT
@pytest.mark.parametrize(("fault", "kinds"), BREAKAGES, ids=[next(iter(fault)) for fault, _ in BREAKAGES])
@pytest.mark.parametrize("breaks_at", [0.0, 0.5])
async def test_a_stream_breaks_where_it_was_asked_to(
    vendor: str, fault: dict[str, Any], kinds: set[ErrorKind], breaks_at: float
) -> None:
    async with serving(**fault, stream_breaks_at=breaks_at, answer_tokens=50) as http:
        for _ in range(8):  # what is wrong with a bad response is drawn
            received: list[str] = []
            with pytest.raises(CallFailed) as failure:
                await ask(http, vendor, received.append)
            assert failure.value.kind in kinds
            assert bool(received) == (breaks_at > 0) or len(received) > 40  # an unfinished one says all but its end


async def test_without_stream_errors_a_refusal_comes_before_the_stream() -> None:
    async with serving(overloaded_rate=1.0) as http:
        with pytest.raises(CallFailed) as failure:
            await ask(http, "anthropic", ignore_text)
    assert (failure.value.kind, failure.value.status) == (ErrorKind.OVERLOADED, 529)


async def test_words_are_streamed_before_the_answer_is_whole_and_the_place_is_held_until_then() -> None:
    async with serving(base_seconds=0, tokens_per_second=1, answer_tokens=600, concurrency=1) as http:
        first = asyncio.Event()
        slow = asyncio.create_task(ask(http, "openai", lambda _: first.set()))
        async with asyncio.timeout(30):
            await first.wait()
        waiting = asyncio.create_task(ask(http, "openai", ignore_text, max_tokens=1))
        await until_in_flight(http, 2, model=UPSTREAM)
        assert sum((await stats(http))["paid"].values()) == 1
        slow.cancel()
        assert (await waiting).text == "[simulated]"
    assert slow.cancelled()
