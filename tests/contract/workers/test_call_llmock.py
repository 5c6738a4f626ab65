"""Calls against llmock, somebody else's idea of the three vendors, in a process of its own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pointsman.router.runtime.http import AsyncClient
from pointsman.router.vocabulary.chat import Answer, ChatRequest
from pointsman.router.vocabulary.errors import ErrorKind
from pointsman.workers.call import OnText, call, ignore_text
from pointsman.workers.errors import CallFailed
from pointsman.workers.providers import FORMATS
from tests.support.llmock_process import LLMockProcess, running_llmock
from tests.support.vendors.models import KEY, model_for
from tests.support.vendors.sdk_cases import OPENAI_TOOL, QUESTION, SCHEMA, TOOL_MESSAGES

pytestmark = pytest.mark.xdist_group("llmock")  # the tests share what is started once

TIMEOUT_SECONDS = 5.0


async def _ask(
    client: AsyncClient,
    vendor: str,
    server: LLMockProcess,
    *,
    timeout_seconds: float = TIMEOUT_SECONDS,
    on_text: OnText | None = None,
    **chat: Any,
) -> Answer:
    """Ask for a whole answer, or for a stream where somebody hears it."""
    model = model_for(vendor, "http://unused").model_copy(update={"base_url": server.base_urls[vendor]})
    asked = ChatRequest.model_validate({"messages": [QUESTION], **chat})
    request = FORMATS[vendor].request(asked, model, KEY, stream=on_text is not None)
    answered = call(
        client, FORMATS[vendor], request, timeout_seconds=timeout_seconds, on_text=on_text or ignore_text
    )
    return (await answered).answer


async def test_a_question_gets_the_scripted_answer(
    vendor: str, llmock_server: LLMockProcess, client: AsyncClient
) -> None:
    llmock_server.script(type="reply", text="forty-two")
    answer = await _ask(client, vendor, llmock_server, max_tokens=50)
    assert (answer.text, answer.finish_reason) == ("forty-two", "stop")
    assert answer.usage.input_tokens > 0
    assert answer.usage.output_tokens > 0


async def test_an_answer_can_be_cut_by_length(
    vendor: str, llmock_server: LLMockProcess, client: AsyncClient
) -> None:
    llmock_server.script(type="reply", text="forty", finish_reason="length")
    assert (await _ask(client, vendor, llmock_server)).finish_reason == "length"


async def test_an_offered_tool_is_called_and_its_result_taken(
    vendor: str, llmock_server: LLMockProcess, client: AsyncClient
) -> None:
    asked = await _ask(client, vendor, llmock_server, tools=[OPENAI_TOOL])
    assert asked.finish_reason == "tool_calls"
    assert [call.function.name for call in asked.tool_calls] == ["weather"]
    answer = await _ask(client, vendor, llmock_server, tools=[OPENAI_TOOL], messages=TOOL_MESSAGES)
    assert answer.finish_reason == "stop"
    assert answer.text


async def test_structured_output_is_accepted(
    vendor: str, llmock_server: LLMockProcess, client: AsyncClient
) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA}}
    assert (await _ask(client, vendor, llmock_server, response_format=wanted)).text


async def test_a_rate_limit_carries_its_wait(
    vendor: str, llmock_server: LLMockProcess, client: AsyncClient
) -> None:
    llmock_server.script(type="fail", status=429, retry_after=300)
    failure = await _failure(client, vendor, llmock_server)
    assert (failure.kind, failure.retry_after) == (ErrorKind.RATE_LIMITED, 300)


FAULTS = [
    (400, ErrorKind.INVALID_REQUEST),
    (401, ErrorKind.AUTH),
    (402, ErrorKind.QUOTA_EXHAUSTED),
    (403, ErrorKind.AUTH),
    (404, ErrorKind.MISCONFIGURED),
    (408, ErrorKind.TIMEOUT),
    (413, ErrorKind.INVALID_REQUEST),
    (422, ErrorKind.INVALID_REQUEST),
    (429, ErrorKind.RATE_LIMITED),
    (500, ErrorKind.SERVER_ERROR),
    (502, ErrorKind.SERVER_ERROR),
    (503, ErrorKind.OVERLOADED),
    (504, ErrorKind.TIMEOUT),
    (529, ErrorKind.OVERLOADED),
]


@pytest.mark.parametrize(("status", "kind"), FAULTS)
async def test_a_fault_has_its_kind(
    status: int, kind: ErrorKind, vendor: str, llmock_server: LLMockProcess, client: AsyncClient
) -> None:
    llmock_server.script(type="fail", status=status)
    failure = await _failure(client, vendor, llmock_server)
    assert (failure.kind, failure.status) == (kind, status)


async def test_an_empty_account_is_quota_exhausted(llmock_server: LLMockProcess, client: AsyncClient) -> None:
    llmock_server.script(type="fail", status=429, code="insufficient_quota")
    assert (await _failure(client, "openai", llmock_server)).kind is ErrorKind.QUOTA_EXHAUSTED


@pytest.mark.parametrize("vendor", ["openai", "gemini"])  # llmock knows no refusal of Anthropic
async def test_a_refusal_is_content_filtered(
    vendor: str, llmock_server: LLMockProcess, client: AsyncClient
) -> None:
    llmock_server.script(type="reply", text="I", finish_reason="content_filter")
    assert (await _failure(client, vendor, llmock_server)).kind is ErrorKind.CONTENT_FILTERED


async def test_an_answer_that_comes_too_late_is_a_timeout(
    vendor: str, llmock_server: LLMockProcess, client: AsyncClient
) -> None:
    llmock_server.script(type="delay", seconds=1)
    assert (await _failure(client, vendor, llmock_server, timeout_seconds=0.2)).kind is ErrorKind.TIMEOUT


async def test_a_prompt_over_the_context_window_is_context_too_long(client: AsyncClient) -> None:
    long = {"role": "user", "content": "word " * 2000}
    with running_llmock("--context-window", "100") as server:
        for vendor in FORMATS:
            failure = await _failure(client, vendor, server, messages=[long])
            assert failure.kind is ErrorKind.CONTEXT_TOO_LONG, vendor


LONG = "one two three four five six seven eight nine ten"


async def test_a_stream_is_streamed_piece_by_piece(
    vendor: str, llmock_server: LLMockProcess, client: AsyncClient
) -> None:
    llmock_server.script(type="reply", text=LONG)
    texts: list[str] = []
    answer = await _ask(client, vendor, llmock_server, on_text=texts.append)
    assert (answer.text, answer.finish_reason, "".join(texts)) == (LONG, "stop", LONG)
    assert len(texts) == 10
    assert answer.usage.output_tokens > 0


async def test_calls_of_tools_come_as_a_stream(
    vendor: str, llmock_server: LLMockProcess, client: AsyncClient
) -> None:
    calls = [{"name": "weather", "arguments": {"city": city}} for city in ("Köln", "Oslo")]
    llmock_server.script(type="reply", tool_calls=calls)
    answer = await _ask(client, vendor, llmock_server, on_text=ignore_text, tools=[OPENAI_TOOL])
    assert answer.finish_reason == "tool_calls"
    assert [json.loads(found.function.arguments) for found in answer.tool_calls] == [
        {"city": "Köln"},
        {"city": "Oslo"},
    ]


STREAM_FAULTS = [
    ("disconnect", ErrorKind.BAD_RESPONSE),
    ("truncate", ErrorKind.BAD_RESPONSE),
    ("malformed", ErrorKind.BAD_RESPONSE),
    ("stall", ErrorKind.TIMEOUT),
]


@pytest.mark.parametrize(("fault", "kind"), STREAM_FAULTS)
@pytest.mark.parametrize("after_chunks", [0, 1, 5])
async def test_a_broken_stream_has_its_kind_and_is_never_an_answer(
    fault: str, kind: ErrorKind, after_chunks: int, vendor: str, llmock_server: LLMockProcess, client: AsyncClient
) -> None:
    texts: list[str] = []
    llmock_server.script(type="reply", text=LONG)
    llmock_server.script(type="stream_fault", kind=fault, after_chunks=after_chunks, stall_seconds=60)
    patience = 1.0 if kind is ErrorKind.TIMEOUT else 30.0
    failure = await _failure(client, vendor, llmock_server, timeout_seconds=patience, on_text=texts.append)
    assert failure.kind is kind
    assert LONG.startswith("".join(texts))
    assert texts or after_chunks < 5 or kind is ErrorKind.TIMEOUT


async def test_first_words_that_come_too_late_are_a_timeout(
    vendor: str, llmock_server: LLMockProcess, client: AsyncClient
) -> None:
    llmock_server.script(type="slow_first_token", seconds=60)
    failure = await _failure(client, vendor, llmock_server, timeout_seconds=0.5, on_text=ignore_text)
    assert failure.kind is ErrorKind.TIMEOUT


async def _failure(client: AsyncClient, vendor: str, server: LLMockProcess, **asking: Any) -> CallFailed:
    with pytest.raises(CallFailed) as failure:
        await _ask(client, vendor, server, **asking)
    return failure.value
