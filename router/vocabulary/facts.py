"""What routing knows of a job: small, made once at submit, so that deciding loads no prompts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Literal

from .chat import ChatRequest, ImagePart, Message

Metric = Literal["speed", "accuracy", "creativity", "ethics", "cost"]
Context = Mapping[str, str | float | list[str]]
"""topic, language, complexity, tags, and whatever else the rules of a class look at."""


@dataclass(frozen=True, slots=True)
class JobFacts:
    """Facts of one job; `affinity` is the hash that places it on a ring, `needs` are abilities.

    `schema` is the version of its payload, 0 where nothing is said of it: such a one is read by every worker.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    needs: frozenset[str] = frozenset()
    affinity: int = 0
    strategy: tuple[str, ...] = ()
    metric: Metric | None = None
    context: Context = field(default_factory=dict)
    max_cost_usd: float | None = None
    schema: int = 0

    @property
    def tokens(self) -> int:
        """Input plus the most output."""
        return self.input_tokens + self.output_tokens

    def dump(self) -> str:
        """Return the JSON that is kept with the job, less what is not set; scripts look for `schema` in front."""
        fields = {
            "schema": self.schema or None,
            "in": self.input_tokens,
            "out": self.output_tokens,
            "needs": sorted(self.needs),
            "key": f"{self.affinity:016x}",
            "strategy": self.strategy,
            "metric": self.metric,
            "context": self.context,
            "max_cost": self.max_cost_usd,
        }
        return json.dumps(
            {name: value for name, value in fields.items() if value or value == 0}, separators=(",", ":")
        )


@lru_cache(maxsize=8192)
def read_facts(text: str) -> JobFacts:
    """Read facts back; a job that has gone meanwhile has none. Kept, since rounds see the same heads again.

    Raises whatever reading damaged ones does.
    """
    if not text:
        return JobFacts()
    fields: dict[str, Any] = json.loads(text)
    return JobFacts(
        input_tokens=_tokens(fields.get("in", 0)),
        output_tokens=_tokens(fields.get("out", 0)),
        needs=frozenset(fields.get("needs", ())),
        affinity=int(fields.get("key", "0"), 16),
        strategy=tuple(fields.get("strategy", ())),
        metric=fields.get("metric"),
        context=fields.get("context", {}),
        max_cost_usd=fields.get("max_cost"),
        schema=int(fields.get("schema", 0)),
    )


def _tokens(count: Any) -> int:
    if not isinstance(count, int) or not 0 <= count <= MOST_TOKENS:
        raise ValueError(f"{count!r} is no number of tokens")
    return count


def needed_abilities(chat: ChatRequest) -> frozenset[str]:
    """Return what a model must be able to do for this request."""
    parts = [part for message in chat.messages if isinstance(message.content, tuple) for part in message.content]
    wanted = {
        "images": any(isinstance(part, ImagePart) for part in parts),
        "tools": bool(chat.tools),
        "json_schema": chat.response_format is not None and chat.response_format.type == "json_schema",
    }
    return frozenset(name for name, needed in wanted.items() if needed)


def affinity_of(key: str) -> int:
    """Return the 64-bit hash of an affinity key: the same in every process and on every host."""
    return int.from_bytes(blake2b(key.encode(errors="surrogatepass"), digest_size=8).digest(), "big")


CHARACTERS_PER_TOKEN = 4  # the vendors' own rule of thumb for English text
TOKENS_PER_IMAGE = 800  # between a low-detail image (85) and a large one (about 1 600)
TOKENS_PER_MESSAGE = 4  # role and separators
DEFAULT_OUTPUT_TOKENS = 512
MOST_TOKENS = 1_000_000_000  # beyond it a sum could lose its last digits in Lua


def estimate_tokens(chat: ChatRequest) -> int:
    """Return input plus expected output tokens; corrected to the real usage once the call is settled."""
    return min(MOST_TOKENS, input_tokens(chat) + output_tokens(chat))


def input_tokens(chat: ChatRequest) -> int:
    """Return the estimated tokens of the messages and tools."""
    tools = sum(len(tool.model_dump_json()) for tool in chat.tools) // CHARACTERS_PER_TOKEN
    return min(MOST_TOKENS, sum(map(_message, chat.messages)) + tools)


def output_tokens(chat: ChatRequest) -> int:
    """Return the most tokens the answer may have where the request says it, else a usual number."""
    return chat.max_tokens or DEFAULT_OUTPUT_TOKENS


def _message(message: Message) -> int:
    if isinstance(message.content, str):
        return TOKENS_PER_MESSAGE + len(message.content) // CHARACTERS_PER_TOKEN
    tokens = TOKENS_PER_MESSAGE
    for part in message.content or ():
        tokens += TOKENS_PER_IMAGE if isinstance(part, ImagePart) else len(part.text) // CHARACTERS_PER_TOKEN
    return tokens
