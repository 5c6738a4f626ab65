"""Streams over real loopback HTTP: asked for and read beside the vendors' own SDKs, and broken in each way."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import unquote

import anthropic
import openai
import pytest
from google import genai
from google.genai import types

from pointsman.router.runtime.http import AsyncClient, open_client
from pointsman.router.vocabulary.allowance import Allowance, Left
from pointsman.router.vocabulary.errors import ErrorKind
from pointsman.workers.call import Answered, call
from pointsman.workers.errors import CallFailed
from pointsman.workers.providers import FORMATS
from tests.support.loopback import Behaviour, Loopback, replying
from tests.support.vendors.models import HELLO, KEY, UPSTREAM, model_for
from tests.support.vendors.replies import text_reply
from tests.support.vendors.sdk_cases import ANTHROPIC_TOOL, GEMINI_TOOL, OPENAI_TOOL, QUESTION
from tests.support.vendors.sdk_clients import normalised
from tests.support.vendors.streams import as_bytes, stream_of

SSE = {"Content-Type": "text/event-stream; charset=utf-8"}
LEFT = {"x-ratelimit-remaining-requests": "7", "x-ratelimit-reset-requests": "1.5s"}


def streaming(vendor: str, *pieces: str, headers: Mapping[str, str] | None = None) -> Behaviour:
    return replying(200, as_bytes(stream_of(vendor, pieces)), {**SSE, **(headers or {})})


async def ask(
    client: AsyncClient,
    vendor: str,
    loopback: Loopback,
    texts: list[str],
    *,
    timeout_seconds: float = 5.0,
    idle_seconds: float | None = None,
) -> Answered:
    request = FORMATS[vendor].request(HELLO, model_for(vendor, loopback.url), KEY, stream=True)
    times = {"timeout_seconds": timeout_seconds, "idle_seconds": idle_seconds}
    return await call(client, FORMATS[vendor], request, **times, on_text=texts.append)


async def failure_of(client: AsyncClient, vendor: str, loopback: Loopback, texts: list[str]) -> CallFailed:
    with pytest.raises(CallFailed) as failure:
        await ask(client, vendor, loopback, texts)
    return failure.value


def follow_openai(base_url: str) -> str:
    asked: Any = {"model": UPSTREAM, "messages": [QUESTION], "stream_options": {"include_usage": True}}
    with openai.OpenAI(base_url=f"{base_url}/v1", api_key=KEY, max_retries=0) as client:
        stream = client.chat.completions.create(**asked, stream=True)
        return "".join(choice.delta.content or "" for chunk in stream for choice in chunk.choices)


def follow_anthropic(base_url: str) -> str:
    asked: Any = {"model": UPSTREAM, "max_tokens": 4096, "messages": [QUESTION]}
    with anthropic.Anthropic(base_url=base_url, api_key=KEY, max_retries=0) as client:
        stream = client.messages.create(**asked, stream=True)
        deltas = [event.delta for event in stream if event.type == "content_block_delta"]
        return "".join(delta.text for delta in deltas if delta.type == "text_delta")


def follow_gemini(base_url: str) -> str:
    options = types.HttpOptions(base_url=base_url, api_version="v1beta")
    with genai.Client(api_key=KEY, vertexai=False, http_options=options) as client:
        stream = client.models.generate_content_stream(model=UPSTREAM, contents="hello")
        return "".join(chunk.text or "" for chunk in stream)


FOLLOW: Mapping[str, Callable[[str], str]] = {
    "openai": follow_openai,
    "anthropic": follow_anthropic,
    "gemini": follow_gemini,
}


async def test_a_stream_is_asked_for_and_read_as_by_the_vendors_own_sdk(
    vendor: str, loopback: Loopback, client: AsyncClient
) -> None:
    loopback.behave = streaming(vendor, "Gr", "üße", "!")
    texts: list[str] = []
    text = await asyncio.to_thread(FOLLOW[vendor], loopback.url)
    answer = (await ask(client, vendor, loopback, texts)).answer
    theirs, ours = loopback.seen
    assert ours.path == unquote(theirs.path)
    assert normalised(vendor, ours.body) == normalised(vendor, theirs.body)
    assert text == answer.text == "".join(texts) == "Grüße!"
    assert texts == ["Gr", "üße", "!"]


def tools_of_openai(base_url: str) -> list[tuple[str | None, str, Any]]:
    with openai.OpenAI(base_url=f"{base_url}/v1", api_key=KEY, max_retries=0) as client:
        asked: Any = {"model": UPSTREAM, "messages": [QUESTION], "tools": [OPENAI_TOOL]}
        with client.chat.completions.stream(**asked) as stream:
            calls = stream.get_final_completion().choices[0].message.tool_calls or []
    return [(found.id, found.function.name, found.function.arguments) for found in calls]


def tools_of_anthropic(base_url: str) -> list[tuple[str | None, str, Any]]:
    with anthropic.Anthropic(base_url=base_url, api_key=KEY, max_retries=0) as client:
        asked: Any = {"model": UPSTREAM, "max_tokens": 10, "messages": [QUESTION], "tools": [ANTHROPIC_TOOL]}
        with client.messages.stream(**asked) as stream:
            content = stream.get_final_message().content
    return [(block.id, block.name, block.input) for block in content if block.type == "tool_use"]


def tools_of_gemini(base_url: str) -> list[tuple[str | None, str | None, Any]]:
    options = types.HttpOptions(base_url=base_url, api_version="v1beta")
    config = types.GenerateContentConfig(tools=[GEMINI_TOOL])
    with genai.Client(api_key=KEY, vertexai=False, http_options=options) as client:
        stream = client.models.generate_content_stream(model=UPSTREAM, contents="hello", config=config)
        calls = [found for chunk in stream for found in chunk.function_calls or ()]
    return [(found.id, found.name, found.args) for found in calls]


TOOLS: Mapping[str, Callable[[str], Any]] = {
    "openai": tools_of_openai,
    "anthropic": tools_of_anthropic,
    "gemini": tools_of_gemini,
}


async def test_calls_of_tools_are_put_together_as_by_the_vendors_own_sdk(
    vendor: str, loopback: Loopback, client: AsyncClient
) -> None:
    events = stream_of(vendor, ["Let me see. "], [("a", "Köln"), ("b", "Oslo")])
    loopback.behave = replying(200, as_bytes(events), SSE)
    theirs = await asyncio.to_thread(TOOLS[vendor], loopback.url)
    answer = (await ask(client, vendor, loopback, [])).answer
    ours = [(found.id, found.function.name, found.function.arguments) for found in answer.tool_calls]
    arguments = ['{"city": "Köln"}', '{"city": "Oslo"}']
    assert ours == [("a", "weather", arguments[0]), ("b", "weather", arguments[1])]
    cities = arguments if vendor == "openai" else [{"city": "Köln"}, {"city": "Oslo"}]
    assert theirs == [("a", "weather", cities[0]), ("b", "weather", cities[1])]


async def test_a_server_that_does_not_stream_is_understood(
    vendor: str, loopback: Loopback, client: AsyncClient
) -> None:
    loopback.behave = replying(200, text_reply(vendor))
    texts: list[str] = []
    assert (await ask(client, vendor, loopback, texts)).answer.text == "Grüße"
    assert texts == []


async def test_no_usage_is_asked_of_a_server_that_refuses_the_option(
    loopback: Loopback, client: AsyncClient
) -> None:
    model = model_for("openai", loopback.url, drop_params=["stream_options"])
    request = FORMATS["openai"].request(HELLO, model, KEY, stream=True)
    assert request.body["stream"] is True
    assert "stream_options" not in request.body
    assert request.dropped == ()


def _broken(vendor: str, *, reset: bool) -> Behaviour:
    """Announce a chunked body, send some events, and close the connection without the last chunk."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        part = as_bytes(stream_of(vendor, ["Gr", "üße"])[:-1])
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        handler.wfile.flush()
        if reset:
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        handler.connection.close()
        handler.close_connection = True

    return behave


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
async def test_a_connection_lost_in_mid_stream_fails_the_call(
    vendor: str, reset: bool, loopback: Loopback, client: AsyncClient
) -> None:
    loopback.behave = _broken(vendor, reset=reset)
    failure = await failure_of(client, vendor, loopback, [])
    assert failure.kind in (ErrorKind.BAD_RESPONSE, ErrorKind.CONNECTION)


async def test_a_key_that_the_server_repeats_in_its_stream_is_never_passed_on(
    vendor: str, loopback: Loopback, client: AsyncClient
) -> None:
    texts: list[str] = []
    loopback.behave = streaming(vendor, f"the key is {KEY}")
    assert (await ask(client, vendor, loopback, texts)).answer.text == "the key is [redacted]" == "".join(texts)
    error_event = as_bytes([{"type": "error", "error": {"type": "api_error", "message": f"{KEY} is wrong"}}])
    loopback.behave = replying(200, error_event, SSE)
    assert "sk-" not in str(await failure_of(client, vendor, loopback, texts))


async def test_what_is_left_is_known_however_the_stream_ends(loopback: Loopback, client: AsyncClient) -> None:
    left = Allowance(requests=Left(7, 1.5))
    loopback.behave = streaming("openai", "Grüße", headers=LEFT)
    assert (await ask(client, "openai", loopback, [])).allowance == left
    loopback.behave = replying(200, as_bytes(stream_of("openai", ["Grüße"])[:-2]), {**SSE, **LEFT})
    assert (await failure_of(client, "openai", loopback, [])).allowance == left


class Held:
    """Sends all but the last `kept` events and then nothing more, with the connection open, until it is let go."""

    def __init__(self, vendor: str, *, kept: int) -> None:
        events = stream_of(vendor, ["Gr", "üße"])
        self._bytes = as_bytes(events[: len(events) - kept])
        self.let_go = threading.Event()

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.end_headers()
        handler.wfile.write(self._bytes)
        handler.wfile.flush()
        self.let_go.wait(30)
        handler.close_connection = True


async def test_text_is_streamed_while_the_stream_goes_on_and_a_stall_is_a_timeout(
    vendor: str, loopback: Loopback, client: AsyncClient
) -> None:
    texts: list[str] = []
    loopback.behave = held = Held(vendor, kept=1)
    with pytest.raises(CallFailed) as failure:
        await ask(client, vendor, loopback, texts, timeout_seconds=1.0)
    held.let_go.set()
    assert failure.value.kind is ErrorKind.TIMEOUT
    assert texts == ["Gr", "üße"]


async def test_a_silence_between_two_pieces_ends_the_call_long_before_its_timeout(
    vendor: str, loopback: Loopback, client: AsyncClient
) -> None:
    texts: list[str] = []
    loopback.behave = held = Held(vendor, kept=1)
    with pytest.raises(CallFailed) as failure:
        await ask(client, vendor, loopback, texts, timeout_seconds=25, idle_seconds=0.3)
    assert not held.let_go.is_set()
    held.let_go.set()
    assert (failure.value.kind, failure.value.message) == (
        ErrorKind.TIMEOUT,
        "the answer stopped: no piece of it for 0.3 s",
    )
    loopback.behave = streaming(vendor, "Gr", "üße")
    assert (await ask(client, vendor, loopback, [], idle_seconds=0.3)).answer.text == "Grüße"


@pytest.mark.parametrize("name", ["openai", "anthropic"])  # Gemini's stream ends with its connection
async def test_a_server_that_keeps_the_connection_open_does_not_hold_up_the_answer(
    name: str, loopback: Loopback, client: AsyncClient
) -> None:
    loopback.behave = held = Held(name, kept=0)
    answered = await ask(client, name, loopback, [], timeout_seconds=30)
    assert not held.let_go.is_set()
    held.let_go.set()
    assert answered.answer.text == "Grüße"


async def test_the_connection_of_a_stream_is_used_again(vendor: str, loopback: Loopback) -> None:
    ports = []

    def behave(handler: BaseHTTPRequestHandler) -> None:
        ports.append(handler.client_address[1])
        streaming(vendor, "Grüße")(handler)

    loopback.behave = behave
    async with open_client(connections=1) as narrow:
        for _ in range(3):
            await ask(narrow, vendor, loopback, [])
    assert len(set(ports)) == 1
