"""Messages made of content blocks, as the messages of a chat request.

What is left out of them without harm is noted by name; what has no place in a chat is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..openai import Refused

MESSAGE = frozenset({"role", "content"})
TEXT = frozenset({"type", "text"})
IMAGE = frozenset({"type", "source"})
BASE64 = frozenset({"type", "media_type", "data"})
URL = frozenset({"type", "url"})
CALL = frozenset({"type", "id", "name", "input"})
RESULT = frozenset({"type", "tool_use_id", "content"})
"""The fields of each kind of block."""

HARMLESS = frozenset({"cache_control", "is_error"})
"""Fields that are left out: caching is the vendor's own affair, and the content of a result says that it failed."""

ROLES = frozenset({"system", "user", "assistant"})


def messages_of(system: Any, given: Any, ignored: set[str]) -> list[dict[str, Any]]:
    """Return the messages, and add the names of what is left out to `ignored`; raises Refused naming the place."""
    if not isinstance(given, list) or not given:
        raise Refused("messages: Field required", param="messages", code="missing_required_parameter")
    messages: list[dict[str, Any]] = []
    if system:
        messages.append({"role": "system", "content": _parts(system, "system", ignored)})
    for at, message in enumerate(given):
        messages += _turn(message, f"messages.{at}", ignored)
    return messages


def _turn(message: Any, path: str, ignored: set[str]) -> list[dict[str, Any]]:
    """Return what one message says: the results of tools are messages of their own, and come first."""
    checked(message, MESSAGE, path, ignored)
    role, content = message.get("role"), message.get("content")
    if not isinstance(role, str) or role not in ROLES:
        raise Refused(f"{path}.role: there is no role {role!r}", param=f"{path}.role", code="invalid_value")
    if not isinstance(content, list):
        return [{"role": role, "content": content}]
    blocks = [(_kind(block), block, f"{path}.content.{at}") for at, block in enumerate(content)]
    own = {"user": "tool_result", "assistant": "tool_use"}.get(role, "")
    parts = [_part(block, where, ignored) for kind, block, where in blocks if kind != own]
    if role == "assistant":
        calls = [_call(block, where, ignored) for kind, block, where in blocks if kind == own]
        return [{"role": role, "content": parts or None, "tool_calls": calls}]
    results = [_result(block, where, ignored) for kind, block, where in blocks if kind == own]
    return [*results, {"role": role, "content": parts}] if parts or not results else results


def _kind(block: Any) -> Any:
    return block.get("type") if isinstance(block, Mapping) else None


def _parts(content: Any, path: str, ignored: set[str]) -> Any:
    if not isinstance(content, list):
        return content
    return [_part(block, f"{path}.{at}", ignored) for at, block in enumerate(content)]


def _part(block: Any, path: str, ignored: set[str]) -> dict[str, Any]:
    kind = _kind(block)
    if kind == "text":
        checked(block, TEXT, path, ignored)
        return {"type": "text", "text": block.get("text")}
    if kind == "image":
        checked(block, IMAGE, path, ignored)
        return {
            "type": "image_url",
            "image_url": {"url": _address(block.get("source"), f"{path}.source", ignored)},
        }
    raise Refused(f"{path}: blocks of type {kind!r} are not supported", param=path, code="unsupported_parameter")


def _address(source: Any, path: str, ignored: set[str]) -> Any:
    kind = _kind(source)
    if kind == "url":
        checked(source, URL, path, ignored)
        return source.get("url")
    if kind == "base64":
        checked(source, BASE64, path, ignored)
        return f"data:{source.get('media_type')};base64,{source.get('data')}"
    raise Refused(f"{path}: sources of type {kind!r} are not supported", param=path, code="unsupported_parameter")


def _call(block: Any, path: str, ignored: set[str]) -> dict[str, Any]:
    checked(block, CALL, path, ignored)
    function = {"name": block.get("name"), "arguments": json.dumps(block.get("input"), ensure_ascii=False)}
    return {"id": block.get("id"), "type": "function", "function": function}


def _result(block: Any, path: str, ignored: set[str]) -> dict[str, Any]:
    checked(block, RESULT, path, ignored)
    content = _parts(block.get("content") or "", f"{path}.content", ignored)
    return {"role": "tool", "tool_call_id": block.get("tool_use_id"), "content": content}


def checked(value: Any, known: frozenset[str], path: str, ignored: set[str]) -> None:
    """Raise Refused where a value is no object or has a field that is not known; note what is left out."""
    if not isinstance(value, Mapping):
        raise Refused(f"{path}: Input should be an object", param=path, code="invalid_type")
    for name in (name for name in value if name not in known and value[name] not in (None, False)):
        if name not in HARMLESS:
            param = f"{path}.{name}"
            raise Refused(f"{param}: Extra inputs are not permitted", param=param, code="unsupported_parameter")
        ignored.add(name)
