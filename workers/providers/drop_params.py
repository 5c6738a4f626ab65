"""Leaves parameters out of a request, and says which."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pointsman.router.vocabulary.chat import ChatRequest


def without(chat: ChatRequest, params: Collection[str]) -> tuple[ChatRequest, tuple[str, ...]]:
    """Return the request without these parameters, and which of them it had, in the order of its fields."""
    defaults = {name: field.get_default() for name, field in ChatRequest.model_fields.items() if name in params}
    dropped = tuple(name for name, default in defaults.items() if getattr(chat, name) != default)
    return chat.model_copy(update={name: defaults[name] for name in dropped}), dropped


def without_empty(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that have a value: a vendor's own default is never overruled by null or an empty list."""
    return {name: value for name, value in fields.items() if value is not None and value not in ((), [], {}, "")}
