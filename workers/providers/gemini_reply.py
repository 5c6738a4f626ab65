"""Reads the answers of Gemini generateContent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, JsonValue
from pydantic.alias_generators import to_camel

from pointsman.router.vocabulary.chat import Answer, FunctionCall, ToolCall, Usage
from pointsman.router.vocabulary.errors import ErrorKind

from ..errors import CallFailed
from .reply import (
    Count,
    Finish,
    Shape,
    Text,
    Word,
    as_arguments,
    bad_response,
    content_filtered,
    is_simulated,
    never_empty,
    read,
)

FINISHES: Mapping[str, Finish] = {"STOP": "stop", "MAX_TOKENS": "length", "CONTINUATION": "length"}

FILTERED = frozenset(
    {
        "SAFETY",
        "RECITATION",
        "LANGUAGE",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
        "ESCALATION",
        "MODEL_ARMOR",
    }
)
"""The finish reasons that mean a filter stopped the answer; the rest are faults of the model or of the service."""


class CamelShape(Shape):
    """A part of a reply whose names are in camelCase."""

    model_config = ConfigDict(alias_generator=to_camel)


class GeminiCall(CamelShape):
    """One call of a function; older models give it no id."""

    id: Text | None = None
    name: Word
    args: dict[str, JsonValue] | None = None


class PartShape(CamelShape):
    """A piece of the answer; other kinds of parts carry no part of it."""

    text: Text | None = None
    thought: bool | None = None
    function_call: GeminiCall | None = None


class Content(CamelShape):
    """What the model said; there are no parts where all tokens went into thinking."""

    parts: list[PartShape] | None = None


class GeminiCandidate(CamelShape):
    """One of the answers asked for; we ask for one."""

    content: Content | None = None
    finish_reason: Word
    finish_message: Text | None = None


class Feedback(CamelShape):
    """What the vendor thinks of the prompt."""

    block_reason: Text | None = None
    block_reason_message: Text | None = None


class GeminiTokens(CamelShape):
    """The tokens of the call; thoughts are output, and not among the candidates' tokens."""

    prompt_token_count: Count = None
    candidates_token_count: Count = None
    thoughts_token_count: Count = None
    cached_content_token_count: Count = None


class GeminiReply(CamelShape):
    """The body of a 2xx reply: a blocked prompt has no candidates."""

    candidates: list[GeminiCandidate] | None = None
    prompt_feedback: Feedback | None = None
    usage_metadata: GeminiTokens | None = None
    model_version: Text | None = None
    response_id: Text | None = None


def read_answer(body: Any, *, stops: bool = False) -> Answer:
    """Translate the JSON body of a 2xx reply; raises CallFailed where it is not a usable answer."""
    reply = read(GeminiReply, body)
    candidate = _candidate(reply)
    parts = [part for part in (candidate.content or Content()).parts or () if not part.thought]
    return never_empty(
        Answer(
            text="".join(part.text or "" for part in parts),
            finish_reason=_finish(candidate),
            tool_calls=_tool_calls(parts, reply.response_id or "call"),
            usage=_usage(reply.usage_metadata or GeminiTokens()),
            upstream_model=reply.model_version,
            upstream_id=reply.response_id,
            simulated=is_simulated(body),
        ),
        stops=stops,
    )


def _candidate(reply: GeminiReply) -> GeminiCandidate:
    feedback = reply.prompt_feedback or Feedback()
    if reply.candidates:
        return reply.candidates[0]
    if feedback.block_reason:
        raise content_filtered(feedback.block_reason_message or feedback.block_reason)
    raise bad_response("it has no candidates")


def _finish(candidate: GeminiCandidate) -> Finish:
    if candidate.finish_reason in FILTERED:
        raise content_filtered(candidate.finish_message or candidate.finish_reason)
    if candidate.finish_reason == "PUP_LIMITED_DISABLED":
        raise CallFailed(ErrorKind.AUTH, "the account is limited or disabled for breaking the vendor's policy")
    finish = FINISHES.get(candidate.finish_reason)
    if finish is None:
        raise bad_response(f"the finish reason is {candidate.finish_reason[:50]!r}")
    return finish


def _tool_calls(parts: list[PartShape], prefix: str) -> tuple[ToolCall, ...]:
    """Return the calls; where the model gave no id, one that no other answer has."""
    calls = [part.function_call for part in parts if part.function_call]
    return tuple(
        ToolCall(
            id=call.id or f"{prefix}-{index}",
            function=FunctionCall(name=call.name, arguments=as_arguments(call.args or {})),
        )
        for index, call in enumerate(calls)
    )


def _usage(tokens: GeminiTokens) -> Usage:
    return Usage(
        input_tokens=tokens.prompt_token_count or 0,
        output_tokens=(tokens.candidates_token_count or 0) + (tokens.thoughts_token_count or 0),
        cached_tokens=tokens.cached_content_token_count or 0,
    )
