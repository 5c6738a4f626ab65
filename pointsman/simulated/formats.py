"""What the server needs of a wire format, and the reading that several of them share."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from .answers import ParsedRequest, SimulatedAnswer
from .faults import Failure
from .window import WindowLeft

Body = dict[str, Any]

UNREADABLE = (ValueError, TypeError, AttributeError, LookupError)
"""What reading a body of the wrong shape raises; the vendor answers it with 400."""


Event = Body | str
"""The data of one event of a stream: JSON, or plain text."""


class Events(NamedTuple):
    """A streamed answer: how it begins, its text or the arguments of its call piece by piece, how it ends."""

    opening: list[Event]
    pieces: list[Event]
    closing: list[Event]


class ServedFormat(Protocol):
    """One wire format, seen from the server."""

    request_id_header: str

    def key(self, headers: Mapping[str, str], query: Mapping[str, str]) -> str:
        """Return the API key of a request, empty without one."""

    def parse(self, upstream: str, body: Body) -> ParsedRequest:
        """Read a request; raises one of UNREADABLE."""

    def write(self, upstream: str, answer: SimulatedAnswer) -> Body:
        """Write an answer."""

    def events(self, parsed: ParsedRequest, answer: SimulatedAnswer) -> Events:
        """Write an answer as a stream."""

    def error(self, failure: Failure, request_id: str) -> tuple[int, Body]:
        """Write an error: status and body."""

    def limits(self, left: WindowLeft) -> Mapping[str, str]:
        """Write the headers that say what is left of a limit."""


def bearer(headers: Mapping[str, str]) -> str:
    """Return the token of the Authorization header, empty without one."""
    return headers.get("Authorization", "").removeprefix("Bearer ")


def words(content: Any) -> str:
    """Return the text of a message's content, which is a string or a list of parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return " ".join(str(part["text"]) for part in parts if isinstance(part, dict) and "text" in part)


def messages_of(body: Body) -> list[Body]:
    """Return the messages of a body in OpenAI's or Anthropic's format; raises ValueError without any."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise ValueError("messages: a list of at least one message is required")
    if not body.get("model"):
        raise ValueError("model: a name is required")
    return messages


def in_words(text: str) -> list[str]:
    """Return the pieces in which a text is streamed: each word with the space behind it."""
    return re.findall(r"\S+\s*|\s+", text)


def last_user(messages: list[Body]) -> str:
    """Return the text of the last message of the user that has any: one may hold the answers of tools alone."""
    texts = (words(message.get("content")) for message in reversed(messages) if message["role"] == "user")
    return next((text for text in texts if text), "")


def all_text(messages: list[Body]) -> Iterator[str]:
    """Yield the text of every message."""
    return (words(message.get("content")) for message in messages)


def whole(max_tokens: Any) -> int | None:
    """Return the request's maximum of output tokens; raises ValueError unless it is a whole number above 0."""
    if max_tokens is None or (isinstance(max_tokens, int) and max_tokens >= 1):
        return max_tokens
    raise ValueError("the maximum of output tokens must be a whole number above 0")
