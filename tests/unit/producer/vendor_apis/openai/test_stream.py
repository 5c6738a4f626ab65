"""An answer as OpenAI's chunks, as the official client reads them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.chat import ChatCompletionChunk

from pointsman.producer.vendor_apis.anthropic import EventWriter, read_message
from pointsman.producer.vendor_apis.openai import ChunkWriter, Fault, JobRequest, Refused, read_chat
from pointsman.router.routing.catalog import Catalog
from pointsman.router.vocabulary.chat import Answer, ToolCall, Usage
from pointsman.router.vocabulary.job import JobRecord, JobResult, JobSpec, JobState

HELLO: Any = [{"role": "user", "content": "Hello"}]


CALL = ToolCall.model_validate({"id": "call_1", "function": {"name": "look", "arguments": '{"at": "it"}'}})


USAGE = Usage(input_tokens=9, output_tokens=2, cached_tokens=4)


JOB = JobRecord(
    id="0123456789ab-00001", state=JobState.RUNNING, tenant="default", priority=5, submitted=1.5, expires=9.0,
    max_attempts=4, model="gpt-4", binding=1,
)  # fmt: skip


FAULT = Fault(502, "it broke", "server_error", None, "bad_response")


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


def chunks(text: str) -> list[ChatCompletionChunk]:
    """Read a stream of OpenAI's."""
    *frames, done, rest = text.split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    return [ChatCompletionChunk.model_validate_json(frame.removeprefix("data: "), strict=True) for frame in frames]


def test_an_answer_is_chunks_as_the_official_client_wants_them() -> None:
    role, one, two, last = chunks(
        stream_of(ChunkWriter(asked()), Answer(text="Grüße\u2028", finish_reason="stop"), "Grü", "ße\u2028")
    )
    assert (role.choices[0].delta.role, role.choices[0].delta.content) == ("assistant", "")
    assert [one.choices[0].delta.content, two.choices[0].delta.content] == ["Grü", "ße\u2028"]
    assert (last.choices[0].finish_reason, last.usage) == ("stop", None)
    assert {chunk.id for chunk in (role, one, two, last)} == {f"chatcmpl-{JOB.id}"}
    assert {(chunk.model, chunk.created) for chunk in (role, one, two, last)} == {("gpt-4", 1)}
    ours = (last.model_extra or {})["pointsman"]
    assert (ours["job_id"], ours["ignored"], ours["queue_seconds"]) == (JOB.id, ["user"], 1.0)


def test_a_stream_is_ascii_since_some_readers_break_lines_where_unicode_does() -> None:
    for writer in (ChunkWriter(asked()), EventWriter(asked())):
        assert stream_of(writer, Answer(text="\u2028\x85ü", finish_reason="stop"), "\u2028\x85ü").isascii()


def test_usage_comes_last_where_it_is_asked_for() -> None:
    *others, last = chunks(
        stream_of(
            ChunkWriter(asked(include_usage=True)), Answer(text="4", finish_reason="length", usage=USAGE), "4"
        )
    )
    assert last.choices == []
    assert last.usage is not None
    assert (last.usage.total_tokens, last.usage.prompt_tokens) == (11, 9)
    assert all("usage" in chunk.model_fields_set and chunk.usage is None for chunk in others)


def test_tool_calls_come_whole_as_one_delta() -> None:
    answer = Answer(text="", finish_reason="tool_calls", tool_calls=(CALL, CALL))
    role, calls, last = chunks(stream_of(ChunkWriter(asked()), answer))
    assert role.choices[0].delta.content is None
    found = calls.choices[0].delta.tool_calls or []
    assert [(call.index, call.id, call.function and call.function.arguments) for call in found] == [
        (0, "call_1", '{"at": "it"}'), (1, "call_1", '{"at": "it"}'),
    ]  # fmt: skip
    assert last.choices[0].finish_reason == "tool_calls"


def test_an_error_has_the_shape_of_its_endpoint() -> None:
    chat = json.loads(ChunkWriter(asked()).fail(FAULT, "req_1").removeprefix("data: "))
    assert chat["error"] == {"message": "it broke", "type": "server_error", "param": None, "code": "bad_response"}
    name, data, *_ = EventWriter(asked()).fail(FAULT, "req_1").split("\n")
    assert (name, json.loads(data.removeprefix("data: "))["error"]["type"]) == ("event: error", "api_error")


def test_a_body_may_ask_for_a_stream_and_its_usage(catalog: Catalog) -> None:
    body = {"model": "auto", "messages": HELLO}
    options = {"include_usage": True, "include_obfuscation": False}
    found = read_chat({**body, "stream": True, "stream_options": options}, catalog)
    assert (found.spec.stream, found.include_usage) == (True, True)
    assert found.ignored == ("stream_options.include_obfuscation",)
    still = read_chat({**body, "stream": False, "stream_options": options}, catalog)
    assert (still.spec.stream, still.include_usage, still.ignored) == (False, False, ("stream_options",))
    message = {**body, "max_tokens": 5, "stream": True}
    assert read_message(message, catalog, version="2023-06-01").spec.stream


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"stream": "yes"}, "stream"),
        ({"stream": True, "stream_options": 5}, "stream_options"),
        ({"stream": True, "stream_options": {"include_usage": "yes"}}, "stream_options.include_usage"),
        ({"stream": True, "stream_options": {"speed": 1}}, "stream_options.speed"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(catalog: Catalog, more: dict[str, Any], param: str) -> None:
    with pytest.raises(Refused) as caught:
        read_chat({"model": "auto", "messages": HELLO, **more}, catalog)
    assert caught.value.fault.param == param
