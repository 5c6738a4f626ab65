"""Reads fields out of a vendor's JSON; what is missing or of the wrong type is a bad response."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from router.errors import ErrorKind
from workers.errors import CallFailed


def bad(message: str) -> NoReturn:
    """Raise CallFailed of kind bad_response."""
    raise CallFailed(ErrorKind.BAD_RESPONSE, message)


def mapping(value: Any, where: str) -> Mapping[str, Any]:
    """Return the value as an object."""
    if not isinstance(value, dict):
        bad(f"{where} is not an object")
    return value


def items(value: Any, where: str) -> list[Any]:
    """Return the value as a list."""
    if not isinstance(value, list):
        bad(f"{where} is not a list")
    return value


def text(value: Any, where: str) -> str:
    """Return the value as a string."""
    if not isinstance(value, str):
        bad(f"{where} is not a string")
    return value


def tokens(usage: Any, *names: str) -> int:
    """Return the sum of the named counts; a count that is absent, or makes no sense, is 0."""
    if not isinstance(usage, dict):
        return 0
    counts = (usage.get(name) for name in names)
    return sum(count for count in counts if isinstance(count, int) and not isinstance(count, bool) and count > 0)


def optional_text(value: Any) -> str | None:
    """Return the value where it is a string."""
    return value if isinstance(value, str) else None


def check_not_empty(words: str, tool_calls: tuple[Any, ...], finish_reason: str) -> None:
    """Refuse an answer that says it is complete but has nothing in it; a cut one may be empty."""
    if not words and not tool_calls and finish_reason != "length":
        bad(f"an empty answer with the finish reason {finish_reason!r}")


def filtered(message: str) -> NoReturn:
    """Raise CallFailed of kind content_filtered."""
    raise CallFailed(ErrorKind.CONTENT_FILTERED, message)
