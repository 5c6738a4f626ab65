"""Reads the streams of OpenAI chat completions: chunks of one choice, then the usage, then `[DONE]`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue

from .reply import Shape, Text, broken_off, read

DONE = "[DONE]"


class FunctionPiece(Shape):
    """A piece of what a call of a tool says: its name at once, its arguments little by little."""

    name: Text | None = None
    arguments: Text | None = None


class CallPiece(Shape):
    """A piece of one call of a tool."""

    index: int | None = None
    id: Text | None = None
    function: FunctionPiece | None = None


class Delta(Shape):
    """What the model says next."""

    content: Text | None = None
    refusal: Text | None = None
    tool_calls: list[CallPiece] | None = None


class ChoicePiece(Shape):
    """A piece of one of the answers asked for; we ask for one."""

    index: int | None = None
    delta: Delta | None = None
    finish_reason: Text | None = None


class OpenAIChunk(Shape):
    """One event; the one with the usage has no choices."""

    id: Text | None = None
    model: Text | None = None
    choices: list[ChoicePiece] | None = None
    usage: dict[str, JsonValue] | None = None


@dataclass
class _Call:
    index: int
    id: str
    name: str = ""
    arguments: list[str] = field(default_factory=list)

    def grow(self, piece: FunctionPiece) -> None:
        self.name = self.name or piece.name or ""
        self.arguments.append(piece.arguments or "")

    def body(self) -> dict[str, Any]:
        return {"id": self.id, "function": {"name": self.name, "arguments": "".join(self.arguments)}}


class OpenAIStream:
    """Puts the chunks of one reply together."""

    def __init__(self) -> None:
        self._about: dict[str, Any] = {}
        self._content: list[str] = []
        self._refusal: list[str] = []
        self._calls: list[_Call] = []
        self._finish: str | None = None
        self._ended = False

    def take(self, event: Any) -> str | None:
        """Take one event; return the text in it, None where it is the last one."""
        if event == DONE:
            self._ended = True
            return None
        chunk = read(OpenAIChunk, event)
        self._about |= chunk.model_dump(include={"id", "model", "usage"}, exclude_none=True)
        return "".join(self._take(choice) for choice in chunk.choices or () if not choice.index)

    def _take(self, choice: ChoicePiece) -> str:
        delta = choice.delta or Delta()
        self._finish = choice.finish_reason or self._finish
        self._content.append(delta.content or "")
        self._refusal.append(delta.refusal or "")
        for piece in delta.tool_calls or ():
            self._call(piece.index or 0, piece.id or "").grow(piece.function or FunctionPiece())
        return delta.content or ""

    def _call(self, index: int, call_id: str) -> _Call:
        """Return the call that a piece belongs to; some servers number them all 0, but give each its own id."""
        for call in reversed(self._calls):
            if call.index == index and call_id in ("", call.id):
                return call
        self._calls.append(_Call(index, call_id))
        return self._calls[-1]

    def body(self) -> Any:
        """Return the body of the same reply without a stream; raises CallFailed where the end is missing."""
        if not self._ended:
            raise broken_off()
        message = {
            "content": "".join(self._content),
            "refusal": "".join(self._refusal),
            "tool_calls": [call.body() for call in self._calls],
        }
        return {**self._about, "choices": [{"finish_reason": self._finish, "message": message}]}
