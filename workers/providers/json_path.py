"""Reads JSON of any shape, as error replies have it, without ever raising."""

from __future__ import annotations

from typing import Any


def dig(body: Any, *path: str) -> Any:
    """Return the value at `path` inside nested objects, None where there is none."""
    for name in path:
        if not isinstance(body, dict):
            return None
        body = body.get(name)
    return body


def alone(body: Any) -> Any:
    """Return the one object of a list that has no other, anything else as it is: Google wraps some errors so."""
    return body[0] if isinstance(body, list) and len(body) == 1 else body


def objects(value: Any) -> list[dict[str, Any]]:
    """Return the objects in a list; anything that is not a list has none."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def words(*values: Any) -> tuple[str, ...]:
    """Return the values that are words or numbers, as text."""
    return tuple(str(value) for value in values if isinstance(value, str | int) and value != "")


def first_text(*values: Any) -> str:
    """Return the first value that is text with something in it."""
    return next((value for value in values if isinstance(value, str) and value.strip()), "")


def storable(text: str) -> str:
    """Return `text` with lone surrogates replaced: they are legal in JSON, but UTF-8 has no bytes for them."""
    return text.encode("utf-8", "replace").decode()
