"""Broken answers: whatever comes, there is an answer with a finish reason, or a CallFailed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.router.vocabulary.errors import ErrorKind
from pointsman.workers.errors import CallFailed
from pointsman.workers.providers import FORMATS, WireError
from tests.support.vendors.replies import FINISH_PATH, STOP, empty_reply, text_reply, tool_call_reply

NEEDED: dict[str, list[tuple[str | int, ...]]] = {
    "openai": [
        ("choices",),
        ("choices", 0),
        ("choices", 0, "finish_reason"),
        ("choices", 0, "message"),
        ("choices", 0, "message", "content"),
    ],
    "anthropic": [("type",), ("content",), ("content", 1), ("content", 1, "text"), ("stop_reason",)],
    "gemini": [
        ("candidates",),
        ("candidates", 0),
        ("candidates", 0, "finishReason"),
        ("candidates", 0, "content"),
        ("candidates", 0, "content", "parts"),
        ("candidates", 0, "content", "parts", 1),
        ("candidates", 0, "content", "parts", 1, "text"),
    ],
}

WRONG: list[Any] = [None, "", "unheard of", 0, -1, 1.5, True, [], [[]], [None], {}, {"a": 1}, "\ud800"]

SURE = {"stop", "length", "tool_calls"}


def _mutilated(reply: Any, path: tuple[str | int, ...], value: Any = ...) -> Any:
    """Return the reply with the value at `path` replaced, or removed where none is given."""
    *way, last = path
    target = reply
    for step in way:
        target = target[step]
    if value is ...:
        del target[last]
    else:
        target[last] = value
    return reply


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, below in inside:
        yield (*path, step)
        yield from _paths(below, (*path, step))


def _kind(vendor: str, body: Any) -> ErrorKind | None:
    """Return how reading the body fails, None for a whole answer; any other exception fails the test."""
    try:
        answer = FORMATS[vendor].answer(body)
    except CallFailed as failure:
        return failure.kind
    assert answer.finish_reason in SURE
    assert answer.text.strip() or answer.tool_calls or answer.finish_reason == "length"
    answer.model_dump_json()
    return None


NEEDED_CASES = [(vendor, path) for vendor, paths in NEEDED.items() for path in paths]
WRONG_CASES = [
    (vendor, path, wrong)
    for vendor, path in NEEDED_CASES
    for wrong in WRONG
    # Any word is a good text, even an odd one.
    if not (wrong and isinstance(wrong, str) and path[-1] in ("content", "text"))
]


@pytest.mark.parametrize(("vendor", "path"), NEEDED_CASES)
def test_a_needed_part_that_is_missing_is_a_bad_response(vendor: str, path: tuple[str | int, ...]) -> None:
    assert _kind(vendor, _mutilated(text_reply(vendor), path)) is ErrorKind.BAD_RESPONSE


@pytest.mark.parametrize(("vendor", "path", "wrong"), WRONG_CASES)
def test_a_needed_part_of_the_wrong_type_is_a_bad_response(
    vendor: str, path: tuple[str | int, ...], wrong: Any
) -> None:
    assert _kind(vendor, _mutilated(text_reply(vendor), path, wrong)) is ErrorKind.BAD_RESPONSE


@pytest.mark.parametrize(
    "finish", ["unheard of", "pause_turn", "function_call", "OTHER", "MALFORMED_FUNCTION_CALL"]
)
def test_an_unknown_finish_reason_is_a_bad_response(vendor: str, finish: str) -> None:
    reply = _mutilated(text_reply(vendor), FINISH_PATH[vendor], finish)
    assert _kind(vendor, reply) is ErrorKind.BAD_RESPONSE


@pytest.mark.parametrize("body", [None, True, 7, "", "<html>", [], [{}], {}], ids=repr)
def test_a_body_that_is_no_answer_at_all_is_a_bad_response(vendor: str, body: Any) -> None:
    assert _kind(vendor, body) is ErrorKind.BAD_RESPONSE


def test_a_stop_without_text_is_never_an_empty_success(vendor: str) -> None:
    assert _kind(vendor, empty_reply(vendor, STOP[vendor])) is ErrorKind.BAD_RESPONSE


@pytest.mark.parametrize(("vendor", "finish"), [("openai", "tool_calls"), ("anthropic", "tool_use")])
def test_a_promised_tool_call_that_does_not_come_is_a_bad_response(vendor: str, finish: str) -> None:
    assert _kind(vendor, empty_reply(vendor, finish)) is ErrorKind.BAD_RESPONSE


def test_half_a_reply_is_a_bad_response(vendor: str) -> None:
    whole = json.dumps(text_reply(vendor))
    for end in range(0, len(whole), 7):
        assert _kind(vendor, whole[:end]) is ErrorKind.BAD_RESPONSE


@pytest.mark.parametrize("wrong", [-1, "12", 1.5, 12.0, True, 2**80], ids=repr)
def test_a_number_of_tokens_that_is_none_is_a_bad_response(vendor: str, wrong: Any) -> None:
    path = {
        "openai": ("usage", "prompt_tokens"),
        "anthropic": ("usage", "input_tokens"),
        "gemini": ("usageMetadata", "promptTokenCount"),
    }[vendor]
    assert _kind(vendor, _mutilated(text_reply(vendor), path, wrong)) is ErrorKind.BAD_RESPONSE


def test_any_mutilation_gives_a_whole_answer_or_a_call_failed(vendor: str) -> None:
    for build in (text_reply, tool_call_reply):
        for path in _paths(build(vendor)):
            for wrong in (..., *WRONG):
                _kind(vendor, _mutilated(build(vendor), path, wrong))


def test_arguments_nested_without_end_are_a_bad_response() -> None:
    deep: dict[str, Any] = {}
    for _ in range(5000):
        deep = {"a": deep}
    anthropic = _mutilated(tool_call_reply("anthropic"), ("content", 0, "input"), deep)
    assert _kind("anthropic", anthropic) is ErrorKind.BAD_RESPONSE
    path = ("candidates", 0, "content", "parts", 0, "functionCall", "args")
    assert _kind("gemini", _mutilated(tool_call_reply("gemini"), path, deep)) is ErrorKind.BAD_RESPONSE


def test_a_lone_surrogate_in_the_text_can_be_stored() -> None:
    reply = _mutilated(text_reply("openai"), ("choices", 0, "message", "content"), "broken \ud83d emoji")
    assert FORMATS["openai"].answer(reply).text == "broken ? emoji"


def _words(value: Any) -> Iterator[str]:
    """Yield every name and every text inside a reply."""
    if isinstance(value, str):
        yield value
    for below in value.items() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ():
        yield from _words(below)


ERROR_WORDS = {"error", "code", "details", "reason", "violations", "quotaId", "retryDelay", "promptFeedback"}
WORDS = st.sampled_from(
    sorted(ERROR_WORDS.union(*(_words([text_reply(v), tool_call_reply(v)]) for v in sorted(FORMATS))))
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | WORDS | st.just("\udfff")
JSON = st.recursive(
    LEAVES,
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(WORDS | st.text(), inside, max_size=5),
    max_leaves=20,
)


@given(body=JSON)
@settings(max_examples=300, deadline=None)
def test_arbitrary_json_never_raises_anything_but_call_failed(body: Any) -> None:
    for vendor in FORMATS:
        _kind(vendor, body)


@given(
    status=st.integers(100, 599),
    body=JSON | st.builds(lambda error: {"error": error}, JSON),
    retry_after=st.text() | st.floats().map(str) | st.sampled_from(["1" * 400, "Wed, 99 Nov 2026 00:00:00 GMT"]),
)
@settings(max_examples=300, deadline=None)
def test_arbitrary_error_bodies_always_get_a_meaning(status: int, body: Any, retry_after: str) -> None:
    for wire in FORMATS.values():
        meaning = wire.error(status, {"retry-after": retry_after}, body)
        assert isinstance(meaning, WireError)
        assert meaning.kind in ErrorKind
        assert 0 < len(meaning.message) <= 500
        meaning.message.encode()
        assert meaning.retry_after is None or 0 <= meaning.retry_after < float("inf")


@given(
    limit=st.text() | st.integers().map(str),
    remaining=st.text() | st.integers().map(str) | st.floats().map(str),
    reset=st.text()
    | st.floats().map(str)
    | st.datetimes().map(str)
    | st.sampled_from(["1" * 400 + "s", "9999999h"]),
)
@settings(max_examples=300, deadline=None)
def test_arbitrary_rate_limit_headers_are_read_or_passed_over(limit: str, remaining: str, reset: str) -> None:
    values = {"limit": limit, "remaining": remaining, "reset": reset}
    headers = {f"x-ratelimit-{name}-requests": value for name, value in values.items()}
    headers |= {f"anthropic-ratelimit-tokens-{name}": value for name, value in values.items()}
    for wire in FORMATS.values():
        allowance = wire.allowance(headers)
        for left in (allowance.requests, allowance.tokens):
            assert left is None or (0 <= left.count <= 10**12 and 0 <= left.seconds < float("inf"))
