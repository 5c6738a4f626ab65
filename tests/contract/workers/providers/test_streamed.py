"""Streams read event by event: however they are cut, the whole answer or none; what was heard is its beginning."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.router.vocabulary.chat import Answer, Usage
from pointsman.router.vocabulary.errors import ErrorKind
from pointsman.workers.call import call
from pointsman.workers.errors import CallFailed
from pointsman.workers.providers import FORMATS, StreamedReply
from tests.support.vendors.models import HELLO, KEY, model_for
from tests.support.vendors.streams import Event, as_bytes, stream_of

VENDORS = st.sampled_from(sorted(FORMATS))
PIECES = st.lists(st.text(max_size=20), max_size=6)
CITIES = st.lists(st.text(max_size=10), max_size=3).map(
    lambda cities: [(f"call_{at}", city) for at, city in enumerate(cities)]
)


class Chunks(httpx.AsyncByteStream):
    """A body that comes in these chunks."""

    def __init__(self, chunks: Sequence[bytes]) -> None:
        self._chunks = chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk


def read_bytes(vendor: str, chunks: Sequence[bytes]) -> tuple[Answer, str]:
    """Return the answer of a reply whose body comes in these chunks, and what was heard of it meanwhile."""
    received: list[str] = []

    def reply(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=Chunks(chunks))

    async def ask() -> Answer:
        async with httpx.AsyncClient(transport=httpx.MockTransport(reply)) as client:
            request = FORMATS[vendor].request(HELLO, model_for(vendor, "http://h"), KEY, stream=True)
            found = await call(client, FORMATS[vendor], request, timeout_seconds=30, on_text=received.append)
        return found.answer

    return asyncio.run(ask()), "".join(received)


def read_events(vendor: str, events: Sequence[Event]) -> tuple[Answer | None, str, ErrorKind | None]:
    """Return the answer, what was heard, and how it failed; any other exception fails the test."""
    received, reply = "", StreamedReply(FORMATS[vendor])
    try:
        for event in events:
            text = reply.take(copy.deepcopy(event))
            if text is None:
                break
            received += text
        return FORMATS[vendor].answer(reply.body()), received, None
    except CallFailed as failure:
        return None, received, failure.kind


@given(vendor=VENDORS, pieces=PIECES, calls=CITIES, newline=st.sampled_from(["\n", "\r\n"]), data=st.data())
@settings(max_examples=200, deadline=None)
def test_however_the_bytes_are_split_the_answer_is_the_same(
    vendor: str, pieces: list[str], calls: list[tuple[str, str]], newline: str, data: st.DataObject
) -> None:
    pieces = ["Grüße", *pieces]
    whole = b": a comment\n\n" + as_bytes(stream_of(vendor, pieces, calls), newline)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(whole) - 1), max_size=12)))
    chunks = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    answer, received = read_bytes(vendor, chunks)
    assert answer.text == received == "".join(pieces)
    assert answer.finish_reason == ("tool_calls" if calls else "stop")
    assert answer.usage == Usage(input_tokens=30, output_tokens=7, cached_tokens=10)
    assert (answer.upstream_model, answer.upstream_id) == ("some-model-1-2026", "chatcmpl-1")
    assert [(found.id, found.function.name) for found in answer.tool_calls] == [
        (call_id, "weather") for call_id, _ in calls
    ]
    assert answer == read_events(vendor, stream_of(vendor, pieces, calls))[0]


def test_a_stream_that_breaks_off_at_any_event_is_a_bad_response(vendor: str) -> None:
    events = stream_of(vendor, ["Gr", "üße"], [("a", "Köln"), ("b", "Oslo")])
    assert read_events(vendor, events)[2] is None
    for end in range(len(events)):
        answer, received, kind = read_events(vendor, events[:end])
        assert (answer, kind) == (None, ErrorKind.BAD_RESPONSE), end
        assert "Grüße".startswith(received)


def test_a_stream_that_breaks_off_at_any_byte_is_a_bad_response(vendor: str) -> None:
    whole = as_bytes(stream_of(vendor, ["Gr", "üße"], [("a", "Köln")]))
    for end in range(0, len(whole), 7):
        with pytest.raises(CallFailed) as failure:
            read_bytes(vendor, [whole[:end]])
        assert failure.value.kind is ErrorKind.BAD_RESPONSE, end


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for step, below in inside for found in ((*path, step), *_paths(below, (*path, step)))]


WRONG = st.sampled_from([None, "", "x", 0, 1, -1, True, [], [None], {}, {"a": 1}, "\ud83d"])


@given(vendor=VENDORS, data=st.data())
@settings(max_examples=400, deadline=None)
def test_what_was_streamed_is_the_answers_text_whatever_the_server_makes_of_it(
    vendor: str, data: st.DataObject
) -> None:
    events = stream_of(vendor, ["Gr", "üße", " \n"], [("a", "Köln")])
    order = data.draw(st.lists(st.sampled_from(range(len(events))), max_size=4))
    shuffled = [*events[: data.draw(st.integers(0, len(events)))], *(events[at] for at in order), *events]
    shuffled = copy.deepcopy(shuffled if data.draw(st.booleans()) else events)
    for path in data.draw(st.lists(st.sampled_from(_paths(shuffled)), max_size=3)):
        _put(shuffled, path, data.draw(WRONG))
    answer, received, _ = read_events(vendor, shuffled)
    assert answer is None or answer.text == received
    received.encode()


def _put(value: Any, path: tuple[Any, ...], wrong: Any) -> None:
    *way, last = path
    try:
        for step in way:
            value = value[step]
        value[last] = wrong
    except (TypeError, LookupError):
        return  # an earlier change has taken the place away


ERRORS = [
    ("openai", {"message": "slow", "type": "requests", "code": "rate_limit_exceeded"}, ErrorKind.RATE_LIMITED),
    (
        "openai",
        {"message": "no", "type": "insufficient_quota", "code": "insufficient_quota"},
        ErrorKind.QUOTA_EXHAUSTED,
    ),
    ("openai", {"message": "oops", "type": "server_error", "code": None}, ErrorKind.SERVER_ERROR),
    ("openai", {"message": "upstream", "code": 502}, ErrorKind.SERVER_ERROR),
    ("openai", {"message": "busy", "code": 503}, ErrorKind.OVERLOADED),
    ("openai", {"message": "long", "code": "context_length_exceeded"}, ErrorKind.CONTEXT_TOO_LONG),
    ("openai", {"message": "bad", "type": "invalid_request_error"}, ErrorKind.INVALID_REQUEST),
    ("openai", "out of memory", ErrorKind.SERVER_ERROR),
    ("anthropic", {"type": "overloaded_error", "message": "Overloaded"}, ErrorKind.OVERLOADED),
    ("anthropic", {"type": "api_error", "message": "Internal"}, ErrorKind.SERVER_ERROR),
    ("anthropic", {"type": "rate_limit_error", "message": "slow"}, ErrorKind.RATE_LIMITED),
    ("anthropic", {"type": "timeout_error", "message": "late"}, ErrorKind.TIMEOUT),
    ("anthropic", {"type": "authentication_error", "message": "who"}, ErrorKind.AUTH),
    ("gemini", {"code": 503, "message": "busy", "status": "UNAVAILABLE"}, ErrorKind.OVERLOADED),
    ("gemini", {"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED"}, ErrorKind.RATE_LIMITED),
    ("gemini", {"code": 500, "message": "oops", "status": "INTERNAL"}, ErrorKind.SERVER_ERROR),
]


@pytest.mark.parametrize(("name", "error", "kind"), ERRORS)
def test_an_error_in_mid_stream_has_its_kind(name: str, error: Any, kind: ErrorKind) -> None:
    events = stream_of(name, ["Gr", "üße"])
    error_event = {"type": "error", "error": error}
    answer, _, found = read_events(name, [*events[:3], error_event, *events[3:]])
    assert (answer, found) == (None, kind)


def test_an_event_that_is_no_json_is_a_bad_response(vendor: str) -> None:
    events = stream_of(vendor, ["Grüße"])
    assert read_events(vendor, [*events[:2], "{not json", *events[2:]])[2] is ErrorKind.BAD_RESPONSE


def test_a_stream_of_our_simulated_server_is_marked(vendor: str) -> None:
    events = stream_of(vendor, ["Grüße"])
    marked = [event if isinstance(event, str) else {**event, "simulated": True} for event in events]
    answer, plain = read_events(vendor, marked)[0], read_events(vendor, events)[0]
    assert answer is not None
    assert plain is not None
    assert (answer.simulated, plain.simulated) == (True, False)


def test_calls_that_all_have_the_index_0_are_distinguished_by_their_ids() -> None:
    events = copy.deepcopy(stream_of("openai", [], [("a", "Köln"), ("b", "Oslo")]))
    for event in events:
        for choice in event["choices"] if isinstance(event, dict) else ():
            for piece in choice["delta"].get("tool_calls", ()):
                piece["index"] = 0
    answer = read_events("openai", events)[0]
    assert answer is not None
    assert [(found.id, found.function.arguments) for found in answer.tool_calls] == [
        ("a", '{"city": "Köln"}'),
        ("b", '{"city": "Oslo"}'),
    ]


def test_a_refusal_comes_as_content_filtered_and_is_not_streamed() -> None:
    events = copy.deepcopy(stream_of("openai", ["x"]))
    assert isinstance(events[1], dict)
    events[1]["choices"][0]["delta"] = {"refusal": "I cannot help with that."}
    assert read_events("openai", events) == (None, "", ErrorKind.CONTENT_FILTERED)


def test_a_prompt_that_gemini_blocks_is_content_filtered() -> None:
    event: Event = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 3}}
    assert read_events("gemini", [event]) == (None, "", ErrorKind.CONTENT_FILTERED)


def test_text_for_a_block_before_the_last_is_refused_since_it_would_belong_before_what_was_streamed() -> None:
    events = stream_of("anthropic", ["Gr", "üße"], [("a", "Köln")])
    late: Event = {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "!"}}
    assert read_events("anthropic", [*events[:-2], late, *events[-2:]])[1:] == ("Grüße", ErrorKind.BAD_RESPONSE)


def test_only_the_text_of_text_blocks_is_streamed() -> None:
    events = stream_of("anthropic", ["Gr", "üße"])
    odd: Event = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "thought"}}
    answer, received, _ = read_events("anthropic", [*events[:3], odd, *events[3:]])
    assert answer is not None
    assert answer.text == received == "Grüße"
