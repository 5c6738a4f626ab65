"""What a JSON schema says beside the types: the rules between fields that validators enforce, and plain numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BeforeValidator

Extra = dict[str, Any]

NULL: Mapping[str, Any] = {"type": "null"}
CONTENT: Mapping[str, Any] = {"type": ["string", "array"]}
NO_CALLS: Mapping[str, Any] = {"maxItems": 0}


def _no_text(value: object) -> object:
    if isinstance(value, str | bool):
        raise ValueError("a number is needed")
    return value


NoText = BeforeValidator(_no_text)
"""Marks a number of a JSON body, where "5" and true are none; it stands behind the number's bounds."""


def _one_of(*shapes: Mapping[str, Any]) -> Extra:
    """Return that a value has one of these shapes; what a shape does not allow may be absent, the rest may not."""
    return {"anyOf": [{"properties": shape, "required": _required(shape)} for shape in shapes]}


def _required(shape: Mapping[str, Any]) -> list[str]:
    return [name for name, schema in shape.items() if schema not in (NULL, NO_CALLS)]


MESSAGE = _one_of(
    {"role": {"enum": ["system", "user"]}, "content": CONTENT, "tool_calls": NO_CALLS},
    {"role": {"const": "assistant"}, "content": CONTENT},
    {"role": {"const": "assistant"}, "tool_calls": {"minItems": 1}},
    {
        "role": {"const": "tool"},
        "content": CONTENT,
        "tool_call_id": {"type": "string", "minLength": 1},
        "tool_calls": NO_CALLS,
    },
)
RESPONSE_FORMAT = _one_of(
    {"type": {"enum": ["text", "json_object"]}, "json_schema": NULL},
    {"type": {"const": "json_schema"}, "json_schema": {"type": "object"}},
)
THINKING = _one_of(
    {"type": {"const": "enabled"}, "budget_tokens": {"type": "integer"}},
    {"type": {"not": {"const": "enabled"}}, "budget_tokens": NULL},
)
JOB = _one_of(
    {"prompt": {"type": "string", "pattern": r"\S"}, "request": NULL},
    {"request": {"type": "object"}, "prompt": NULL, "system": NULL},
)
