"""Leaves out the parameters that a model refuses, and records which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from router.chat import ChatRequest

EMPTY: tuple[Any, ...] = (None, (), "")


def split_parameters(chat: ChatRequest, refused: Iterable[str]) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """Return the sampling parameters that are set and taken, and the names of those that are set but refused."""
    names = ("max_tokens", "temperature", "top_p", "stop", "seed", "response_format", "tool_choice")
    refusals = set(refused)
    given = {name: getattr(chat, name) for name in names if getattr(chat, name) not in EMPTY}
    taken = {name: value for name, value in given.items() if name not in refusals}
    return taken, tuple(name for name in given if name in refusals)
