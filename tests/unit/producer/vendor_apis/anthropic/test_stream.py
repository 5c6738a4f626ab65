"""An answer as Anthropic's events, as the official client reads them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from anthropic.types import RawMessageStreamEvent
from pydantic import TypeAdapter

from pointsman.producer.vendor_apis.anthropic import EventWriter
from pointsman.producer.vendor_apis.openai import JobRequest, Refused
from pointsman.router.vocabulary.chat import Answer, ToolCall, Usage
from pointsman.router.vocabulary.job import JobRecord, JobResult, JobSpec, JobState

CALL = ToolCall.model_validate({"id": "call_1", "function": {"name": "look", "arguments": '{"at": "it"}'}})


USAGE = Usage(input_tokens=9, output_tokens=2, cached_tokens=4)


JOB = JobRecord(
    id="0123456789ab-00001", state=JobState.RUNNING, tenant="default", priority=5, submitted=1.5, expires=9.0,
    max_attempts=4, model="gpt-4", binding=1,
)  # fmt: skip


def asked(**more: Any) -> JobRequest:
    return JobRequest(JobSpec(prompt="Hello", stream=True), ("user",), **more)


def ended(answer: Answer) -> JobRecord:
    """Return the job when it has this answer."""
    result = JobResult(answer=answer, model="gpt-4", seconds=1.0, cost_usd=0.1)
    return JOB.model_copy(update={"state": JobState.SUCCEEDED, "finished": 2.5, "result": result})


def stream_of(writer: Any, answer: Answer, *pieces: str) -> str:
    """Return a whole stream."""
    begun = JOB if pieces else ended(answer)
    return "".join([writer.begin(begun), *map(writer.write_text, pieces), writer.end(ended(answer))])


def events(text: str) -> list[Any]:
    """Read a stream of Anthropic's."""
    *frames, rest = text.split("\n\n")
    assert rest == ""
    found = []
    for frame in frames:
        name, data = frame.split("\n")
        assert name.removeprefix("event: ") == json.loads(data.removeprefix("data: "))["type"]
        found.append(TypeAdapter(RawMessageStreamEvent).validate_json(data.removeprefix("data: "), strict=True))
    return found


def test_an_answer_is_events_as_the_official_client_wants_them() -> None:
    answer = Answer(text="Wait", finish_reason="tool_calls", tool_calls=(CALL,), usage=USAGE)
    found = events(stream_of(EventWriter(asked()), answer, "Wa", "it"))
    assert [event.type for event in found] == [
        "message_start", "content_block_start", "content_block_delta", "content_block_delta", "content_block_stop",
        "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop",
    ]  # fmt: skip
    assert [event.index for event in found[1:8]] == [0, 0, 0, 0, 1, 1, 1]
    assert (found[5].content_block.input, found[6].delta.partial_json) == ({}, '{"at": "it"}')
    assert (found[0].message.id, found[0].message.model) == (f"msg_{JOB.id}", "gpt-4")
    end = found[-2]
    assert (end.delta.stop_reason, end.usage.input_tokens, end.usage.output_tokens) == ("tool_use", 5, 2)
    assert end.model_extra["pointsman"]["job_id"] == JOB.id


def test_a_message_without_text_has_no_text_block() -> None:
    found = events(stream_of(EventWriter(asked()), Answer(text="", finish_reason="length")))
    assert [event.type for event in found] == ["message_start", "message_delta", "message_stop"]


def test_a_call_whose_arguments_are_no_object_cannot_be_reported() -> None:
    broken = ToolCall.model_validate({"id": "call_1", "function": {"name": "look", "arguments": "[1"}})
    with pytest.raises(Refused):
        stream_of(EventWriter(asked()), Answer(text="", finish_reason="tool_calls", tool_calls=(broken,)))
