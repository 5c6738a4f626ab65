"""The input of a Response, a text or a list of items, as the messages of a chat request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..faults import Refused

TEXTS = frozenset({"input_text", "output_text", "text"})
ROLES: Mapping[str, str] = {"developer": "system"}

MESSAGE = frozenset({"type", "role", "content", "id", "status", "phase"})
CALL = frozenset({"type", "call_id", "name", "arguments", "id", "status"})
RESULT = frozenset({"type", "call_id", "output", "id", "status"})
"""The fields of each kind of item; id, status and phase only say how it came to be."""


def messages_of(instructions: Any, given: Any) -> list[dict[str, Any]]:
    """Return the messages; raises Refused naming the item that has no place in a chat."""
    first = [{"role": "system", "content": instructions}] if instructions else []
    if isinstance(given, str):
        return [*first, {"role": "user", "content": given}]
    if not isinstance(given, list) or not given:
        raise Refused("give input: a text or a list of items", param="input", code="missing_required_parameter")
    messages: list[dict[str, Any]] = list(first)
    for at, item in enumerate(given):
        _add(messages, item, f"input.{at}")
    return messages


def _add(messages: list[dict[str, Any]], item: Any, path: str) -> None:
    """Put an item behind the messages so far; the calls of one turn belong to one message."""
    kind = item.get("type", "message") if isinstance(item, Mapping) else None
    if kind == "message":
        _only(item, MESSAGE, path)
        role = str(item.get("role"))
        messages.append(
            {"role": ROLES.get(role, role), "content": _content(item.get("content"), f"{path}.content")}
        )
    elif kind == "function_call":
        _only(item, CALL, path)
        if not messages or messages[-1]["role"] != "assistant":
            messages.append({"role": "assistant", "content": None})
        messages[-1].setdefault("tool_calls", []).append(_call(item))
    elif kind == "function_call_output":
        _only(item, RESULT, path)
        content = _content(item.get("output"), f"{path}.output")
        messages.append({"role": "tool", "tool_call_id": item.get("call_id"), "content": content})
    else:
        raise Refused(f"items of type {kind!r} are not supported", param=path, code="unsupported_parameter")


def _only(item: Mapping[str, Any], known: frozenset[str], path: str) -> None:
    for name, value in item.items():
        if name not in known and value is not None:
            param = f"{path}.{name}"
            raise Refused(f"Unknown parameter: '{param}'.", param=param, code="unsupported_parameter")


def _call(item: Mapping[str, Any]) -> dict[str, Any]:
    function = {"name": item.get("name"), "arguments": item.get("arguments")}
    return {"id": item.get("call_id"), "type": "function", "function": function}


def _content(content: Any, path: str) -> Any:
    if not isinstance(content, list):
        return content
    return [_part(part, f"{path}.{at}") for at, part in enumerate(content)]


def _part(part: Any, path: str) -> dict[str, Any]:
    kind = part.get("type") if isinstance(part, Mapping) else None
    if kind in TEXTS:
        _only({**part, "annotations": None, "logprobs": None}, frozenset({"type", "text"}), path)
        return {"type": "text", "text": part.get("text")}
    if kind == "input_image":
        _only(part, frozenset({"type", "image_url", "detail"}), path)
        return {
            "type": "image_url",
            "image_url": {"url": part.get("image_url"), "detail": part.get("detail") or "auto"},
        }
    raise Refused(f"parts of type {kind!r} are not supported", param=path, code="unsupported_parameter")
