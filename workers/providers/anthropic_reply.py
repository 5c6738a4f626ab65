"""Reads the answers of Anthropic Messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, JsonValue, Tag

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

# pause_turn is missing on purpose: it belongs to the vendor's own tools, which we never offer.
FINISHES: Mapping[str, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
}


class ReplyTextBlock(Shape):
    """A piece of text."""

    text: Text


class ToolUse(Shape):
    """One call of a tool."""

    id: Word
    name: Word
    input: dict[str, JsonValue]


class OtherBlock(Shape):
    """A block that carries no part of the answer, such as thinking."""

    type: Word


def _block_kind(block: Any) -> str:
    kind = block.get("type") if isinstance(block, dict) else None
    return kind if kind in ("text", "tool_use") else "other"


Block = Annotated[
    Annotated[ReplyTextBlock, Tag("text")]
    | Annotated[ToolUse, Tag("tool_use")]
    | Annotated[OtherBlock, Tag("other")],
    Discriminator(_block_kind),
]


class AnthropicTokens(Shape):
    """The tokens of the call; the three kinds of input exclude each other."""

    input_tokens: Count = None
    cache_creation_input_tokens: Count = None
    cache_read_input_tokens: Count = None
    output_tokens: Count = None


class StopDetails(Shape):
    """Why the model refused."""

    explanation: Text | None = None


class AnthropicReply(Shape):
    """The body of a 2xx reply."""

    type: Literal["message"]
    id: Text | None = None
    model: Text | None = None
    content: list[Block]
    stop_reason: Word
    stop_sequence: Text | None = None
    stop_details: StopDetails | None = None
    usage: AnthropicTokens | None = None


def read_answer(body: Any, *, stops: bool = False) -> Answer:
    """Translate the JSON body of a 2xx reply; raises CallFailed where it is not a usable answer."""
    reply = read(AnthropicReply, body)
    return never_empty(
        Answer(
            text="".join(block.text for block in reply.content if isinstance(block, ReplyTextBlock)),
            finish_reason=_finish(reply),
            tool_calls=tuple(_tool_call(block) for block in reply.content if isinstance(block, ToolUse)),
            stop_sequence=reply.stop_sequence,
            usage=_usage(reply.usage or AnthropicTokens()),
            upstream_model=reply.model,
            upstream_id=reply.id,
            simulated=is_simulated(body),
        ),
        stops=stops,
    )


def _finish(reply: AnthropicReply) -> Finish:
    if reply.stop_reason == "refusal":
        details = reply.stop_details or StopDetails()
        raise content_filtered(details.explanation or reply.stop_reason)
    if reply.stop_reason == "model_context_window_exceeded":
        raise CallFailed(ErrorKind.CONTEXT_TOO_LONG, "the answer ran into the end of the model's context window")
    finish = FINISHES.get(reply.stop_reason)
    if finish is None:
        raise bad_response(f"the stop reason {reply.stop_reason[:50]!r} is unknown")
    return finish


def _tool_call(block: ToolUse) -> ToolCall:
    return ToolCall(id=block.id, function=FunctionCall(name=block.name, arguments=as_arguments(block.input)))


def _usage(tokens: AnthropicTokens) -> Usage:
    cached = tokens.cache_read_input_tokens or 0
    written = tokens.cache_creation_input_tokens or 0
    return Usage(
        input_tokens=(tokens.input_tokens or 0) + written + cached,
        output_tokens=tokens.output_tokens or 0,
        cached_tokens=cached,
    )
