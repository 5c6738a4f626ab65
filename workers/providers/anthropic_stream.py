"""Reads the streams of Anthropic Messages: a message starts, its blocks grow one after the other, it stops."""

from __future__ import annotations

from typing import Any

from pydantic import JsonValue
from pydantic_core import from_json

from .drop_params import without_empty
from .json_path import dig
from .reply import Shape, Text, bad_response, broken_off, read


class Started(Shape):
    """The message as it begins, without content."""

    type: Text
    id: Text | None = None
    model: Text | None = None
    usage: dict[str, JsonValue] | None = None


class MessageStart(Shape):
    """The first event."""

    message: Started


class StartedBlock(Shape):
    """A block as it begins; a call of a tool is named at once."""

    type: Text
    text: Text = ""
    id: Text | None = None
    name: Text | None = None


class BlockStart(Shape):
    """A block begins."""

    index: int
    content_block: StartedBlock


class Growth(Shape):
    """What comes to a block: text, or a piece of a tool's input as JSON; of other kinds nothing is read."""

    text: Text = ""
    partial_json: Text = ""


class BlockDelta(Shape):
    """A block grows."""

    index: int
    delta: Growth


class Stopped(Shape):
    """Why the message ends."""

    stop_reason: Text | None = None
    stop_sequence: Text | None = None
    stop_details: JsonValue = None


class MessageDelta(Shape):
    """The message comes to its end; its usage is the sum so far."""

    delta: Stopped
    usage: dict[str, JsonValue] | None = None


class _Block:
    def __init__(self, index: int, start: StartedBlock) -> None:
        self.index, self._start = index, start
        self._text: list[str] = []
        self._json: list[str] = []

    def grow(self, growth: Growth) -> str:
        """Add to the block; return what of it is text of the answer."""
        self._text.append(growth.text)
        self._json.append(growth.partial_json)
        return growth.text if self._start.type == "text" else ""

    def body(self) -> dict[str, Any]:
        start = self._start
        match start.type:
            case "text":
                return {"type": "text", "text": "".join(self._text)}
            case "tool_use":
                return {"type": "tool_use", "id": start.id, "name": start.name, "input": self._input()}
            case _:
                return {"type": start.type}

    def _input(self) -> Any:
        try:
            return from_json("".join(self._json) or "{}")
        except ValueError:
            raise bad_response("the input of a tool is not JSON") from None


class AnthropicStream:
    """Puts the events of one reply together; kinds that it does not know are passed over, as the vendor asks."""

    def __init__(self) -> None:
        self._message = Started(type="")
        self._blocks: list[_Block] = []
        self._stopped = Stopped()
        self._usage: dict[str, Any] = {}
        self._ended = False

    def take(self, event: Any) -> str | None:
        """Take one event; return the text in it, None where it is the last one."""
        match dig(event, "type"):
            case "message_start":
                self._message = read(MessageStart, event).message
                self._usage = dict(self._message.usage or {})
            case "content_block_start":
                return self._start(read(BlockStart, event))
            case "content_block_delta":
                return self._grow(read(BlockDelta, event))
            case "message_delta":
                end = read(MessageDelta, event)
                self._stopped = end.delta
                self._usage |= without_empty(end.usage or {})
            case "message_stop":
                self._ended = True
                return None
            case None:
                raise bad_response("an event has no type")
        return ""

    def _start(self, start: BlockStart) -> str:
        self._blocks.append(_Block(start.index, start.content_block))
        return self._blocks[-1].grow(Growth(text=start.content_block.text))

    def _grow(self, delta: BlockDelta) -> str:
        """Let the last block grow: text for one before it would belong in front of what was streamed already."""
        if not self._blocks or self._blocks[-1].index != delta.index:
            raise bad_response("a block grows that is not the last")
        return self._blocks[-1].grow(delta.delta)

    def body(self) -> Any:
        """Return the body of the same reply without a stream; raises CallFailed where the end is missing."""
        if not self._ended:
            raise broken_off()
        message = self._message.model_dump(include={"type", "id", "model"})
        content = [block.body() for block in self._blocks]
        return {**message, "content": content, **self._stopped.model_dump(), "usage": self._usage}
