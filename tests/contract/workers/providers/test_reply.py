"""Answers in the vendors' own types, read by ours."""

from __future__ import annotations

import json

import pytest

from pointsman.router.routing.catalog import Catalog
from pointsman.router.vocabulary.chat import ChatRequest, Usage
from pointsman.router.vocabulary.errors import ErrorKind
from pointsman.workers.errors import CallFailed
from pointsman.workers.providers import FORMATS
from tests.support.vendors.replies import (
    LENGTH,
    STOP,
    assert_vendor_accepts,
    empty_reply,
    text_reply,
    tool_call_reply,
)


def test_a_text_is_read_with_its_tokens_and_origin(vendor: str) -> None:
    reply = text_reply(vendor)
    assert_vendor_accepts(vendor, reply)
    answer = FORMATS[vendor].answer(reply)
    assert (answer.text, answer.finish_reason, answer.tool_calls) == ("Grüße", "stop", ())
    assert answer.usage == Usage(input_tokens=30, output_tokens=7, cached_tokens=10)
    assert (answer.upstream_model, answer.upstream_id) == ("some-model-1-2026", "chatcmpl-1")
    assert not answer.simulated


def test_a_tool_call_is_read_with_its_arguments(vendor: str) -> None:
    reply = tool_call_reply(vendor)
    assert_vendor_accepts(vendor, reply)
    answer = FORMATS[vendor].answer(reply)
    assert answer.finish_reason == "tool_calls"
    (call,) = answer.tool_calls
    assert (call.id, call.function.name) == ("call_1", "weather")
    assert json.loads(call.function.arguments) == {"city": "Köln"}


def test_an_answer_cut_by_length_may_be_empty(vendor: str) -> None:
    reply = empty_reply(vendor, LENGTH[vendor])
    assert_vendor_accepts(vendor, reply)
    answer = FORMATS[vendor].answer(reply)
    assert (answer.text, answer.finish_reason) == ("", "length")


def test_anthropic_says_which_sequence_ended_an_answer() -> None:
    for reply in (text_reply("anthropic"), empty_reply("anthropic", "stop_sequence")):
        reply |= {"stop_reason": "stop_sequence", "stop_sequence": "END"}
        assert_vendor_accepts("anthropic", reply)
        answer = FORMATS["anthropic"].answer(reply)
        assert (answer.finish_reason, answer.stop_sequence) == ("stop", "END")


def test_a_stop_at_the_first_words_is_an_answer_without_text_where_stops_were_asked_for(vendor: str) -> None:
    reply = empty_reply(vendor, STOP[vendor])
    assert_vendor_accepts(vendor, reply)
    answer = FORMATS[vendor].answer(reply, stops=True)
    assert (answer.text, answer.finish_reason) == ("", "stop")
    assert _failure(vendor, reply).kind is ErrorKind.BAD_RESPONSE


def test_a_request_knows_whether_it_names_sequences_to_stop_at(vendor: str, catalog: Catalog) -> None:
    model = next(model for model in catalog.models.values() if model.format == vendor)
    asked = {"messages": [{"role": "user", "content": "Hello"}]}
    for stop, stops in (([], False), (["END"], True)):
        chat = ChatRequest.model_validate({**asked, "stop": stop})
        assert FORMATS[vendor].request(chat, model, None).stops is stops


def test_missing_usage_counts_as_zero(vendor: str) -> None:
    reply = text_reply(vendor)
    reply.pop("usageMetadata" if vendor == "gemini" else "usage")
    assert FORMATS[vendor].answer(reply).usage == Usage()


def test_an_answer_of_our_simulated_server_is_marked(vendor: str) -> None:
    assert FORMATS[vendor].answer({**text_reply(vendor), "simulated": True}).simulated
    assert not FORMATS[vendor].answer({**text_reply(vendor), "simulated": "true"}).simulated


REFUSALS = [
    ("openai", "content_filter"),
    ("anthropic", "refusal"),
    *(("gemini", reason) for reason in ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII")),
    *(("gemini", reason) for reason in ("LANGUAGE", "IMAGE_SAFETY", "ESCALATION", "MODEL_ARMOR")),
]


@pytest.mark.parametrize(("vendor", "finish"), REFUSALS)
def test_a_refusal_is_content_filtered(vendor: str, finish: str) -> None:
    reply = empty_reply(vendor, finish)
    assert_vendor_accepts(vendor, reply)
    assert _failure(vendor, reply).kind is ErrorKind.CONTENT_FILTERED


def test_a_prompt_that_gemini_blocks_is_content_filtered() -> None:
    reply = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 3}}
    assert_vendor_accepts("gemini", reply)
    assert _failure("gemini", reply).kind is ErrorKind.CONTENT_FILTERED


def test_a_refusal_in_words_is_content_filtered_with_those_words() -> None:
    reply = text_reply("openai")
    reply["choices"][0]["message"].update(content=None, refusal="I cannot help with that.")
    assert_vendor_accepts("openai", reply)
    failure = _failure("openai", reply)
    assert failure.kind is ErrorKind.CONTENT_FILTERED
    assert "I cannot help with that." in failure.message


def test_the_end_of_the_context_window_is_context_too_long() -> None:
    reply = empty_reply("anthropic", "model_context_window_exceeded")
    assert_vendor_accepts("anthropic", reply)
    assert _failure("anthropic", reply).kind is ErrorKind.CONTEXT_TOO_LONG


def test_a_gemini_answer_that_wants_to_be_continued_was_cut_by_length() -> None:
    reply = text_reply("gemini")
    reply["candidates"][0]["finishReason"] = "CONTINUATION"
    assert_vendor_accepts("gemini", reply)
    assert FORMATS["gemini"].answer(reply).finish_reason == "length"


def test_an_account_that_gemini_has_disabled_is_an_auth_error() -> None:
    reply = empty_reply("gemini", "PUP_LIMITED_DISABLED")
    assert_vendor_accepts("gemini", reply)
    assert _failure("gemini", reply).kind is ErrorKind.AUTH


def test_a_forced_tool_call_that_finishes_with_stop_is_a_tool_call() -> None:
    reply = tool_call_reply("openai")
    reply["choices"][0]["finish_reason"] = "stop"
    assert FORMATS["openai"].answer(reply).finish_reason == "tool_calls"


def test_gemini_calls_without_an_id_get_one_each() -> None:
    reply = tool_call_reply("gemini")
    call = {"functionCall": {"name": "weather"}}
    reply["candidates"][0]["content"]["parts"] = [call, call]
    calls = FORMATS["gemini"].answer(reply).tool_calls
    assert [call.id for call in calls] == ["chatcmpl-1-0", "chatcmpl-1-1"]
    assert [call.function.arguments for call in calls] == ["{}", "{}"]


def _failure(vendor: str, reply: object) -> CallFailed:
    with pytest.raises(CallFailed) as failure:
        FORMATS[vendor].answer(reply)
    return failure.value
