"""Messages in Anthropic's shape."""

from __future__ import annotations

from typing import Any, Literal

from pointsman.router.vocabulary.frozen import Frozen

from .ours import Ours


class TextBlock(Frozen):
    """A piece of text."""

    type: Literal["text"]
    text: str
    citations: None


class ToolUseBlock(Frozen):
    """One call of a tool."""

    type: Literal["tool_use"]
    id: str
    name: str
    input: dict[str, Any]


class MessageUsage(Frozen):
    """The tokens of the call; the three kinds of input exclude each other."""

    input_tokens: int
    cache_creation_input_tokens: int
    cache_read_input_tokens: int
    output_tokens: int


class AnsweredMessage(Frozen):
    """What a model answered."""

    id: str
    type: Literal["message"]
    role: Literal["assistant"]
    model: str
    content: list[TextBlock | ToolUseBlock]
    stop_reason: Literal["end_turn", "max_tokens", "stop_sequence", "tool_use"]
    stop_sequence: str | None
    usage: MessageUsage
    pointsman: Ours
