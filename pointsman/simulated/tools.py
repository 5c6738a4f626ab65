"""Which tool a simulated model calls: the one it has to, or the one that the prompt speaks of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from .json_instance import instance_of

CALLS_UNASKED = 0.5
"""How often a tool is called that the prompt does not speak of."""
SHORTEST_WORD = 3
PROMPT_CHARACTERS = 4000
COMMON = frozenset(
    {
        "all", "and", "are", "call", "can", "for", "from", "get", "how", "set", "that", "the", "this", "tool",
        "use", "what", "which", "with", "you", "your",
    }
)  # fmt: skip
"""Words that say nothing of what a tool is for."""


@dataclass(frozen=True)
class SimulatedCall:
    """A tool call that the simulated model makes."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class OfferedTool:
    """A tool of a request: its name, what it is good for, and the JSON schema of its arguments."""

    name: str
    description: str = ""
    schema: dict[str, Any] | None = None

    def call(self) -> SimulatedCall:
        """Return a call with the smallest arguments that the schema allows."""
        arguments = instance_of({"type": "object", **(self.schema or {})})
        return SimulatedCall(self.name, arguments if isinstance(arguments, dict) else {})

    def words(self) -> frozenset[str]:
        """Return the words by which a prompt may speak of it."""
        properties = " ".join((self.schema or {}).get("properties") or {})
        return _words(f"{self.name} {self.description} {properties}")


def named(tools: Sequence[OfferedTool], name: str | None) -> OfferedTool:
    """Return the tool of that name, or the first; raises ValueError where there is none."""
    for tool in tools:
        if name in (None, tool.name):
            return tool
    raise ValueError("the choice of a tool: no such tool is given")


def choose_tool(tools: Sequence[OfferedTool], prompt: str, draw: Random) -> OfferedTool | None:
    """Return the tool that has most words in common with the prompt; where none has, now and then one of them."""
    asked = _words(prompt[:PROMPT_CHARACTERS])
    common = [len(tool.words() & asked) for tool in tools]
    if max(common, default=0) > 0:
        return tools[common.index(max(common))]
    return draw.choice(tools) if tools and draw.random() < CALLS_UNASKED else None


def _words(text: str) -> frozenset[str]:
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)  # getWeather
    found = re.findall(r"[^\W_]+", apart.lower())
    return frozenset(word for word in found if len(word) >= SHORTEST_WORD) - COMMON
