"""Anthropic's requests become jobs, jobs become Anthropic's answers, and no parameter is dropped in silence."""

from __future__ import annotations

import typing
from typing import Any

import pytest
from anthropic.types import Message
from anthropic.types.message_create_params import MessageCreateParamsBase
from anthropic.types.shared import ErrorResponse

from pointsman.producer.api.openapi import shapes
from pointsman.producer.vendor_apis.anthropic import MESSAGES, error_reply, message, read_message
from pointsman.producer.vendor_apis.anthropic.parameters import SAMPLING
from pointsman.producer.vendor_apis.faults import FAULTS
from pointsman.producer.vendor_apis.openai import Fault, Refused
from pointsman.router.routing.catalog import Catalog
from pointsman.router.vocabulary.chat import Answer, Thinking, ToolCall, Usage
from pointsman.router.vocabulary.job import JobRecord, JobResult, JobState

OLD, NEW = "2023-06-01", "2026-10-21"
HELLO = {"model": "auto", "max_tokens": 10, "messages": [{"role": "user", "content": "Hello"}]}
CALL = ToolCall.model_validate({"id": "call_1", "function": {"name": "look", "arguments": '{"at": "it"}'}})


def record(answer: Answer) -> JobRecord:
    """Return a job that got this answer."""
    return JobRecord(
        id="0123456789ab-00001", state=JobState.SUCCEEDED, tenant="default", priority=5, submitted=1.5, expires=9.0,
        finished=2.5, max_attempts=4, result=JobResult(answer=answer, model="claude", seconds=1.0, cost_usd=0.1),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "reason", "blocks"),
    [
        (Answer(text="42", finish_reason="stop"), "end_turn", ["text"]),
        (Answer(text="4", finish_reason="stop", stop_sequence="2"), "stop_sequence", ["text"]),
        (Answer(text="", finish_reason="length"), "max_tokens", []),
        (Answer(text="", finish_reason="tool_calls", tool_calls=(CALL,)), "tool_use", ["tool_use"]),
        (Answer(text="Wait", finish_reason="tool_calls", tool_calls=(CALL,)), "tool_use", ["text", "tool_use"]),
    ],
)
def test_an_answer_is_a_message_as_the_official_client_wants_it(
    answer: Answer, reason: str, blocks: list[str]
) -> None:
    written = message(record(answer), ignored=("user",))
    shapes.AnsweredMessage.model_validate(written, strict=True)
    read = Message.model_validate(written, strict=True)
    assert (read.stop_reason, [block.type for block in read.content]) == (reason, blocks)
    assert read.stop_sequence == answer.stop_sequence
    if "tool_use" in blocks:
        assert read.content[-1].to_dict()["input"] == {"at": "it"}


def test_cached_tokens_are_no_other_input_tokens() -> None:
    usage = Usage(input_tokens=9, output_tokens=2, cached_tokens=4)
    read = Message.model_validate(message(record(Answer(text="42", finish_reason="stop", usage=usage))))
    assert (read.usage.input_tokens, read.usage.cache_read_input_tokens, read.usage.output_tokens) == (5, 4, 2)


def test_a_call_whose_arguments_are_no_object_cannot_be_reported() -> None:
    broken = ToolCall.model_validate({"id": "call_1", "function": {"name": "look", "arguments": "[NaN"}})
    with pytest.raises(Refused) as caught:
        message(record(Answer(text="", finish_reason="tool_calls", tool_calls=(broken,))))
    assert caught.value.fault.status == 502


def test_a_whole_conversation_is_translated(catalog: Catalog) -> None:
    cached = {"cache_control": {"type": "ephemeral"}}
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
    link = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    body = {
        "model": "technical_support",
        "max_tokens": 10,
        "system": [{"type": "text", "text": "Be brief", **cached}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "What is this?"}, image, link]},
            {"role": "assistant", "content": [
                {"type": "text", "text": "Let me look"},
                {"type": "tool_use", "id": "t1", "name": "look", "input": {"at": "it"}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": "nothing", "is_error": True},
                {"type": "tool_result", "tool_use_id": "t2", "content": [image]},
                {"type": "text", "text": "And now?"},
            ]},
        ],
        "stop_sequences": ["END"],
        "temperature": 0.5,
        "tools": [{"name": "look", "description": "Looks", "input_schema": {"type": "object"}, **cached}],
        "tool_choice": {"type": "tool", "name": "look", "disable_parallel_tool_use": True},
        "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {"type": "object"}}},
        "metadata": {"user_id": "u1"},
        "service_tier": "auto",
        "thinking": {"type": "adaptive", "display": "omitted"},
        "top_k": 7,
    }  # fmt: skip
    asked = read_message(body, catalog, version=OLD)
    chat = asked.spec.chat()
    assert [message.role for message in chat.messages] == ["system", "user", "assistant", "tool", "tool", "user"]
    assert [message.tool_call_id for message in chat.messages if message.role == "tool"] == ["t1", "t2"]
    seen = chat.messages[1].model_dump()["content"]
    assert [part.get("image_url", {}).get("url") for part in seen] == [
        None, "data:image/png;base64,AAAA", "https://example.com/a.png",
    ]  # fmt: skip
    assert chat.messages[2].tool_calls[0].function.arguments == '{"at": "it"}'
    assert (chat.max_tokens, chat.stop, chat.temperature) == (10, ("END",), 0.5)
    assert chat.tools[0].function.parameters == {"type": "object"}
    assert chat.response_format is not None
    assert (asked.spec.task_class, asked.spec.metadata) == ("technical_support", {"user_id": "u1"})
    assert (chat.reasoning_effort, chat.top_k, chat.parallel_tool_calls) == ("low", 7, False)
    assert chat.thinking == Thinking(type="adaptive")
    assert asked.ignored == ("cache_control", "is_error", "service_tier", "thinking.display")


def user(*blocks: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(blocks)}]}


BAD: list[tuple[dict[str, Any], str]] = [
    ({"model": "gpt-9"}, "model"),
    ({"max_tokens": None}, "max_tokens"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"messages": []}, "messages"),
    ({"messages": 5}, "messages"),
    ({"messages": [5]}, "messages.0"),
    ({"messages": [{"role": "nobody", "content": "x"}]}, "messages.0.role"),
    ({"messages": [{"role": [], "content": "x"}]}, "messages.0.role"),
    ({"messages": [{"role": "user", "content": "x", "name": "me"}]}, "messages.0.name"),
    ({"messages": [{"role": "system", "content": [{}]}]}, "messages.0.content.0"),
    (user(5), "messages.0.content.0"),
    (user({"type": []}), "messages.0.content.0"),
    (user({"type": "document", "source": {}}), "messages.0.content.0"),
    (user({"type": "tool_use", "id": "t", "name": "n", "input": {}}), "messages.0.content.0"),
    (user({"type": "text", "text": "x", "citations": [{}]}), "messages.0.content.0.citations"),
    (user({"type": "image", "source": {"type": "file", "file_id": "f"}}), "messages.0.content.0.source"),
    ({"system": [{"type": "image", "source": 5}]}, "system.0.source"),
    ({"tools": 5}, "tools"),
    ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools.0.type"),
    ({"tools": [{"name": "look", "input_schema": {}, "defer_loading": True}]}, "tools.0.defer_loading"),
    ({"tool_choice": {"type": "any", "disable_parallel_tool_use": 5}}, "tool_choice.disable_parallel_tool_use"),
    ({"tools": [{"name": "no good", "input_schema": {}}]}, "tools.0.name"),
    ({"tools": [{"name": "look", "input_schema": 5}]}, "tools.0.input_schema"),
    ({"stop_sequences": [5]}, "stop_sequences.0"),
    ({"tool_choice": {"type": []}}, "tool_choice.type"),
    ({"output_config": {"effort": "huge"}}, "output_config.effort"),
    ({"output_config": {"format": {"type": "json_schema", "schema": 5}}}, "output_config.format.schema"),
    ({"output_config": {"style": "bold"}}, "output_config.style"),
    ({"thinking": {"type": "often"}}, "thinking.type"),
    ({"thinking": {"type": "enabled", "budget_tokens": 5}}, "thinking.budget_tokens"),
    ({"thinking": {"type": "adaptive", "budget_tokens": 5000}}, "thinking"),
    ({"thinking": "on"}, "thinking"),
    ({"top_k": 0}, "top_k"),
    ({"metadata": 5}, "metadata"),
    ({"pointsman": {"priority": 99}}, "pointsman.priority"),
    ({"temperatur": 1}, "temperatur"),
]  # fmt: skip


@pytest.mark.parametrize(("more", "param"), BAD, ids=lambda value: str(value)[:60])
def test_what_cannot_be_done_is_refused_by_name(catalog: Catalog, more: dict[str, Any], param: str) -> None:
    with pytest.raises(Refused) as caught:
        read_message({**HELLO, **more}, catalog, version=OLD)
    assert caught.value.fault.param == param


@pytest.mark.parametrize("name", SAMPLING)
def test_the_newer_version_knows_no_sampling(catalog: Catalog, name: str) -> None:
    read_message(HELLO, catalog, version=NEW)
    with pytest.raises(Refused, match="Extra inputs are not permitted"):
        read_message({**HELLO, name: 1}, catalog, version=NEW)


@pytest.mark.parametrize("version", [None, "", "2024-01-01"])
def test_an_unknown_version_is_refused(catalog: Catalog, version: str | None) -> None:
    with pytest.raises(Refused, match="anthropic-version"):
        read_message(HELLO, catalog, version=version)


def test_every_parameter_of_the_official_client_has_its_place() -> None:
    known = {*MESSAGES.supported, *MESSAGES.ignored, *MESSAGES.refused}
    assert set(typing.get_type_hints(MessageCreateParamsBase)) - known == set()


@pytest.mark.parametrize("kind", FAULTS)
def test_every_error_is_one_of_theirs(kind: Any) -> None:
    status, of_type, code = FAULTS[kind]
    reply_status, body = error_reply(Fault(status, "it broke", of_type, None, code), "req_1")
    assert reply_status in (status, 529)
    if reply_status != 409:  # the client's types leave this one out
        assert ErrorResponse.model_validate(body, strict=True).request_id == "req_1"
