"""OpenAI's responses: requests become jobs, jobs become responses, and nothing that cannot be done is taken."""

from __future__ import annotations

from typing import Any

import pytest
from openai.types.responses import Response

from pointsman.producer.api.openapi import shapes
from pointsman.producer.vendor_apis.openai import (
    Refused,
    read_response,
    response,
)
from pointsman.router.routing.catalog import Catalog
from pointsman.router.vocabulary.chat import Answer, ToolCall, Usage
from pointsman.router.vocabulary.job import JobRecord, JobResult, JobState

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
def test_an_answer_is_a_response_as_the_official_client_wants_it(answer: Answer) -> None:
    body = {
        "tools": [{"type": "function", "name": "look", "parameters": {"type": "object"}}],
        "tool_choice": {"type": "function", "name": "look"},
        "text": {"format": {"type": "json_object"}, "verbosity": "low"},
        "reasoning": {"effort": "none"},
        "parallel_tool_calls": False,
        "metadata": {"a": "b"},
    }
    written = response(record(answer), body)
    shapes.Response.model_validate(written, strict=True)
    read = Response.model_validate(written, strict=True)
    assert read.output_text == answer.text
    assert (read.reasoning.effort, read.text.verbosity, read.parallel_tool_calls) == ("none", "low", False)  # type: ignore[union-attr] # all of them were asked for
    assert read.status == ("incomplete" if answer.finish_reason == "length" else "completed")
    assert read.usage is not None
    assert read.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens


def test_what_is_null_in_a_request_is_not_null_in_its_response() -> None:
    body = {"parallel_tool_calls": None, "text": {"format": None}, "reasoning": {"effort": None}, "metadata": None}
    read = Response.model_validate(response(record(ANSWERS[0]), body), strict=True)
    assert (read.parallel_tool_calls, read.metadata) == (True, {})
    assert read.text is not None
    assert read.text.to_dict() == {"format": {"type": "text"}}


def test_a_response_becomes_a_job(catalog: Catalog) -> None:
    body = {
        "model": "gpt-4", "instructions": "Be brief", "max_output_tokens": 5, "background": True,
        "input": [{"role": "user", "content": [
            {"type": "input_text", "text": "What is it?"}, {"type": "input_image", "image_url": "https://x/y.png"},
        ]}],
        "text": {
            "format": {"type": "json_schema", "name": "a", "schema": {"type": "object"}, "strict": True},
            "verbosity": "low",
        },
        "reasoning": {"effort": "high"}, "parallel_tool_calls": False,
        "tools": [{"type": "function", "name": "look", "parameters": {"type": "object"}, "strict": None}],
        "tool_choice": {"type": "function", "name": "look"},
    }  # fmt: skip
    asked = read_response(body, catalog)
    chat = asked.spec.chat()
    assert [message.role for message in chat.messages] == ["system", "user"]
    assert chat.response_format is not None
    assert chat.response_format.json_schema is not None
    assert chat.response_format.json_schema.name == "a"
    assert (chat.max_tokens, chat.tools[0].function.name) == (5, "look")
    assert (chat.reasoning_effort, chat.verbosity, chat.parallel_tool_calls) == ("high", "low", False)
    assert asked.ignored == ("background",)


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"input": [{"type": "reasoning", "id": "r"}]}, "input.0"),
        ({"input": []}, "input"),
        ({"input": [{"role": "user", "content": [{"type": "input_file"}]}]}, "input.0.content.0"),
        ({"tools": [{"type": "web_search"}]}, "tools.0.type"),
        ({"text": {"verbosity": "long"}}, "text.verbosity"),
        ({"text": {"format": {"type": "json_schema", "name": "no good", "schema": {}}}}, "text.format.name"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"text": {"format": 5}}, "text.format"),
        ({"text": {"style": "bold"}}, "text.style"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"tools": [{"type": "function", "name": "no good"}]}, "tools.0.name"),
        ({"input": [{"role": "nobody", "content": "Hello"}]}, "input"),
        ({"parallel_tool_calls": "yes, please"}, "parallel_tool_calls"),
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"reasoning": {"effort": "huge"}}, "reasoning.effort"),
        ({"reasoning": {"summary": "auto"}}, "reasoning.summary"),
        ({"reasoning": 5}, "reasoning"),
    ],
)
def test_what_a_response_cannot_have_is_refused_by_name(catalog: Catalog, more: dict[str, Any], param: str) -> None:
    with pytest.raises(Refused) as caught:
        read_response({"model": "auto", "input": "Hello", **more}, catalog)
    assert caught.value.fault.param == param
