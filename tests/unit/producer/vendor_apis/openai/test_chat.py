"""OpenAI's chat completions: requests become jobs, jobs become answers, and no parameter is dropped in silence."""

from __future__ import annotations

from typing import Any

import pytest
from openai.types.chat import ChatCompletion

from pointsman.producer.api.openapi import shapes
from pointsman.producer.vendor_apis.openai import (
    Refused,
    completion,
    read_chat,
    read_response,
    response,
)
from pointsman.router.routing.catalog import Catalog
from pointsman.router.vocabulary.chat import Answer, ToolCall, Usage
from pointsman.router.vocabulary.job import JobRecord, JobResult, JobState

HELLO = [{"role": "user", "content": "Hello"}]


CALL = ToolCall.model_validate({"id": "call_1", "function": {"name": "look", "arguments": "{}"}})


def record(answer: Answer) -> JobRecord:
    """Return a job that got this answer."""
    return JobRecord(
        id="0123456789ab-00001", state=JobState.SUCCEEDED, tenant="default", priority=5, submitted=1.5, expires=9.0,
        finished=2.5, max_attempts=4, result=JobResult(answer=answer, model="gpt-4", seconds=1.0, cost_usd=0.1),
    )  # fmt: skip


ANSWERS = [
    Answer(text="42", finish_reason="stop", usage=Usage(input_tokens=9, output_tokens=2, cached_tokens=4)),
    Answer(text="4", finish_reason="length"),
    Answer(text="", finish_reason="tool_calls", tool_calls=(CALL,)),
    Answer(text="Let me look", finish_reason="tool_calls", tool_calls=(CALL,)),
]


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.finish_reason)
def test_an_answer_is_a_chat_completion_as_the_official_client_wants_it(answer: Answer) -> None:
    written = completion(record(answer))
    shapes.Completion.model_validate(written, strict=True)
    read = ChatCompletion.model_validate(written, strict=True)
    assert read.choices[0].finish_reason == answer.finish_reason
    assert (read.choices[0].message.content or "") == answer.text
    assert [call.id for call in read.choices[0].message.tool_calls or []] == [call.id for call in answer.tool_calls]
    assert read.usage is not None
    assert read.usage.prompt_tokens_details is not None
    assert read.usage.prompt_tokens_details.cached_tokens == answer.usage.cached_tokens


def test_a_chat_becomes_a_job(catalog: Catalog) -> None:
    body = {
        "model": "claude", "max_completion_tokens": 7, "stop": "x", "seed": 1, "user": "me", "n": 1, "top_p": None,
        "messages": [{"role": "developer", "content": "Be brief"}, *HELLO], "metadata": {"a": "b"},
        "pointsman": {"priority": 9}, "reasoning_effort": "low", "verbosity": "high", "frequency_penalty": 0.5,
        "presence_penalty": -1, "parallel_tool_calls": False,
    }  # fmt: skip
    asked = read_chat(body, catalog)
    assert (asked.spec.model, asked.spec.priority, asked.spec.metadata) == ("claude", 9, {"a": "b"})
    chat = asked.spec.chat()
    assert (chat.max_tokens, chat.stop, chat.messages[0].role) == (7, ("x",), "system")
    assert (chat.reasoning_effort, chat.verbosity, chat.parallel_tool_calls) == ("low", "high", False)
    assert (chat.frequency_penalty, chat.presence_penalty) == (0.5, -1)
    assert asked.ignored == ("user",)


def test_a_model_may_be_a_class_or_left_open(catalog: Catalog) -> None:
    assert (
        read_chat({"model": "creative_writing", "messages": HELLO}, catalog).spec.task_class == "creative_writing"
    )
    open_one = read_chat({"model": "auto", "messages": HELLO}, catalog).spec
    assert (open_one.model, open_one.task_class) == (None, None)


def test_a_conversation_that_came_from_us_can_go_on(catalog: Catalog) -> None:
    for answer in ANSWERS:
        message = completion(record(answer))["choices"][0]["message"]
        result = [{"role": "tool", "tool_call_id": call.id, "content": "seen"} for call in answer.tool_calls]
        messages = [*HELLO, message, *result]
        assert len(read_chat({"model": "auto", "messages": messages}, catalog).spec.chat().messages) == len(
            messages
        )
        items = [*({"role": "user", "content": "Hello"},), *response(record(answer), {})["output"]]
        items += [
            {"type": "function_call_output", "call_id": call.id, "output": "seen"} for call in answer.tool_calls
        ]
        chat = read_response({"model": "auto", "input": items}, catalog).spec.chat()
        assert [message.role for message in chat.messages] == ["user", "assistant"] + ["tool"] * len(result)


@pytest.mark.parametrize(
    ("more", "param", "code"),
    [
        ({"logprobs": True}, "logprobs", "unsupported_parameter"),
        ({"n": 2}, "n", "unsupported_parameter"),
        ({"nonsense": 1}, "nonsense", "unsupported_parameter"),
        ({"model": "gpt-9"}, "model", "model_not_found"),
        ({"model": None}, "model", "missing_required_parameter"),
        ({"temperature": 3}, "temperature", "invalid_value"),
        ({"messages": None}, "messages", "missing_required_parameter"),
        (
            {"messages": [{"role": "user", "content": "a", "mood": "good"}]},
            "messages.0.mood",
            "unsupported_parameter",
        ),
        ({"messages": [{"role": "user", "content": [{"type": "file"}]}]}, "messages.0.content", "invalid_value"),
        ({"pointsman": {"priority": 10}}, "pointsman.priority", "invalid_value"),
        ({"pointsman": {"id": "mine"}}, "pointsman.id", "unsupported_parameter"),
        ({"pointsman": 1}, "pointsman", "invalid_type"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(
    catalog: Catalog, more: dict[str, Any], param: str, code: str
) -> None:
    with pytest.raises(Refused) as caught:
        read_chat({"model": "auto", "messages": HELLO, **more}, catalog)
    fault = caught.value.fault
    assert (fault.param or "").startswith(param)
    assert fault.code == code
    assert set(fault.body()["error"]) == {"message", "type", "param", "code"}
