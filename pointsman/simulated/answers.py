"""What a simulated model says: text that quotes the prompt, a tool call, or an instance of a JSON schema."""

from __future__ import annotations

import json
from dataclasses import dataclass
from random import Random
from typing import Any

MARK = "[simulated]"

OPENINGS = (
    "Here is how one could begin with",
    "In short, this is about",
    "Three things matter for",
    "A first thought on",
    "Let us take apart",
)

FILLER = (
    "it depends on the details", "start with the simplest case", "measure before you change anything",
    "write down what you expect", "check the logs first", "ask who will read it", "keep one idea in each part",
    "compare two ways", "then look at it again tomorrow",
)  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """What of a request the simulation looks at, in whatever wire format it came."""

    upstream: str
    prompt: str
    max_tokens: int | None = None
    tool: str | None = None
    schema: Any = None


@dataclass(frozen=True)
class Said:
    """What the simulated model answers: text, or the name of a tool to call; counts are in tokens."""

    text: str
    tool: str | None
    input_tokens: int
    output_tokens: int
    cut: bool


def say(asked: Asked, length: int, draw: Random) -> Said:
    """Return an answer of about `length` tokens, the same for the same draw."""
    read = max(1, len(asked.prompt) // 4)
    if asked.tool is not None:
        return Said("", asked.tool, read, 12, cut=False)
    if asked.schema is not None:
        text = json.dumps(instance_of(asked.schema))
        return Said(text, None, read, max(1, len(text) // 4), cut=False)
    wanted = max(1, int(length * draw.uniform(0.6, 1.4)))
    allowed = min(wanted, asked.max_tokens or wanted)
    words = f"{MARK} {draw.choice(OPENINGS)} \u201c{' '.join(asked.prompt.split()[:8])}\u201d:".split()
    while len(words) < allowed:
        words += draw.choice(FILLER).split() + [";"]
    return Said(" ".join(words[: max(allowed, 1)]), None, read, allowed, cut=allowed < wanted)


def instance_of(schema: Any) -> Any:
    """Return a smallest instance of a JSON schema, as far as type, enum, const, properties and items say."""
    if not isinstance(schema, dict):
        return MARK
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object" or "properties" in schema:
        return {name: instance_of(value) for name, value in schema.get("properties", {}).items()}
    if kind == "array":
        return [instance_of(schema.get("items", {}))] * int(schema.get("minItems", 0))
    return {"integer": 1, "number": 1.0, "boolean": True, "null": None}.get(str(kind), MARK)
