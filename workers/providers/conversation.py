"""Takes a conversation apart for the formats that know only two speakers and a separate system text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from pointsman.router.vocabulary.chat import ContentPart, ImagePart, Message, TextPart, ToolCall
from pointsman.router.vocabulary.errors import ErrorKind

from ..errors import CallFailed


def system_text(messages: Iterable[Message]) -> str:
    """Return all system messages as one text; raises CallFailed (`invalid_request`) on an image in one."""
    parts = [part for message in messages if message.role == "system" for part in parts_of(message)]
    if any(isinstance(part, ImagePart) for part in parts):
        raise _impossible("this model takes no image in a system message")
    return "\n\n".join(part.text for part in parts if isinstance(part, TextPart))


def turns(messages: Iterable[Message]) -> Iterator[tuple[bool, list[Message]]]:
    """Yield who speaks (True: the model) and what is said in a row; tool results are said by the user."""
    spoken = [message for message in messages if message.role != "system"]
    for by_model, turn in groupby(spoken, key=lambda message: message.role == "assistant"):
        yield by_model, list(turn)


def parts_of(message: Message) -> tuple[ContentPart, ...]:
    """Return the content as parts, without empty text, which vendors refuse."""
    content = message.content or ()
    parts = (TextPart(text=content),) if isinstance(content, str) else content
    return tuple(part for part in parts if not isinstance(part, TextPart) or part.text)


def arguments_of(call: ToolCall) -> dict[str, Any]:
    """Return the arguments of a tool call; raises CallFailed (`invalid_request`) where they are not an object."""
    try:
        arguments = json.loads(call.function.arguments or "{}")
    except (ValueError, RecursionError):
        arguments = None
    if not isinstance(arguments, dict):
        raise _impossible(f"the arguments of tool call {call.id!r} are not a JSON object")
    return arguments


def _impossible(why: str) -> CallFailed:
    return CallFailed(ErrorKind.INVALID_REQUEST, why)
