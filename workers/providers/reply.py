"""Checks replies strictly: what a vendor promised is there, of the right type, and not empty."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, ValidationError

from pointsman.router.vocabulary.chat import Answer
from pointsman.router.vocabulary.errors import ErrorKind

from ..errors import CallFailed
from .json_path import storable

Finish = Literal["stop", "length", "tool_calls"]

# Above 2**53 numbers lose digits in Lua and JavaScript; no call has that many tokens.
Count = Annotated[int, Field(ge=0, le=2**53)] | None

Text = Annotated[str, AfterValidator(storable)]
Word = Annotated[Text, Field(min_length=1)]


class Shape(BaseModel):
    """A part of a reply: types are checked without conversion, names that we do not read are let through."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


S = TypeVar("S", bound=Shape)


def read(shape: type[S], body: Any) -> S:
    """Return `body` as `shape`; raises CallFailed (`bad_response`) naming the first place that is wrong."""
    try:
        return shape.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        path = ".".join(str(step) for step in first["loc"])
        raise bad_response(f"{path}: {first['msg']}" if path else "its body is not a JSON object") from None


def is_simulated(body: Any) -> bool:
    """Say whether our own simulated server wrote this reply."""
    return isinstance(body, dict) and body.get("simulated") is True


def as_arguments(given: dict[str, JsonValue]) -> str:
    """Return the arguments of a tool call as JSON text, which is how OpenAI's format has them."""
    return storable(json.dumps(given, ensure_ascii=False))


def never_empty(answer: Answer, *, stops: bool) -> Answer:
    """Return `answer`, with finish reason `tool_calls` where it calls tools.

    Raises CallFailed (`bad_response`) where there is nothing in it. Without text a stop by length may be right: a
    reasoning model can spend all its tokens on thinking. So may a stop at a sequence: with `stops` some were asked
    for, and of the vendors only Anthropic says whether the model met one.
    """
    if answer.tool_calls and answer.finish_reason == "stop":
        # OpenAI says "stop" where tool_choice forced the call, Gemini always.
        return answer.model_copy(update={"finish_reason": "tool_calls"})
    if answer.finish_reason == "tool_calls" and not answer.tool_calls:
        raise bad_response("it says that a tool is called, but calls none")
    may_be_empty = stops or answer.stop_sequence is not None
    if answer.finish_reason == "stop" and not answer.text.strip() and not may_be_empty:
        raise bad_response("it has neither text nor a tool call")
    return answer


def bad_response(why: str) -> CallFailed:
    """Return the error for a reply that cannot be used."""
    return CallFailed(ErrorKind.BAD_RESPONSE, f"the reply cannot be used: {why}")


def broken_off() -> CallFailed:
    """Return the error for a stream that ends before its answer does."""
    return bad_response("the stream broke off before its end")


def content_filtered(why: str) -> CallFailed:
    """Return the error for an answer that the vendor or the model refused."""
    return CallFailed(ErrorKind.CONTENT_FILTERED, f"the model refused to answer: {why[:400]}")
