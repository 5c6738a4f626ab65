"""What a simulated model says: text that quotes the prompt, a tool call, or an instance of a JSON schema."""

from __future__ import annotations

import json
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

from .faults import Damage, Failure
from .json_instance import instance_of
from .mark import MARK
from .settings import AT_ONCE, AnswerPace
from .tools import OfferedTool, SimulatedCall, choose_tool
from .window import WindowLeft

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

ANY_OBJECT = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
"""The shape of an answer that must be JSON, whatever its shape."""


@dataclass(frozen=True)
class ParsedRequest:
    """What of a request the simulation looks at, in whatever wire format it came.

    `read` is the text of the whole request, `call` the tool it insists on, `json_text` an instance of its schema.
    `tools` are those that it leaves to the model, `results` what tools have just answered, None where none has.
    With `stream` it wants the answer piece by piece, with `stream_usage` its tokens too.
    """

    upstream: str
    prompt: str
    read: str
    max_tokens: int | None = None
    call: SimulatedCall | None = None
    tools: tuple[OfferedTool, ...] = ()
    results: str | None = None
    json_text: str | None = None
    stream: bool = False
    stream_usage: bool = False


@dataclass(frozen=True)
class SimulatedAnswer:
    """What the simulated model answers: text, or a tool to call; counts are in tokens, `left` is of its limits.

    `pace` is of a streamed answer, which its damage meets at `breaks_at`; `failure` is what interrupts it.
    """

    text: str
    called: SimulatedCall | None
    input_tokens: int
    output_tokens: int
    cut: bool = False
    damage: Damage | None = None
    failure: Failure | None = None
    left: WindowLeft | None = None
    pace: AnswerPace = AT_ONCE
    breaks_at: float = 1.0

    @property
    def finish(self) -> Literal["stop", "length", "tool_calls"] | None:
        """Why it stopped; None is the damage of an answer that does not say."""
        if self.damage is Damage.UNFINISHED:
            return None
        return "tool_calls" if self.called else "length" if self.cut else "stop"


def json_of(schema: dict[str, Any] | None) -> str | None:
    """Return the smallest instance of a schema as JSON text, None without a schema."""
    return None if schema is None else json.dumps(instance_of(schema))


def count_tokens(text: str) -> int:
    """Return the usual estimate, four characters a token, and 1 at least."""
    return max(1, len(text) // 4)


def make_answer(parsed: ParsedRequest, length: int, draw: Random) -> SimulatedAnswer:
    """Return an answer of about `length` tokens, the same for the same draw; in prose a word counts as a token."""
    read = count_tokens(parsed.read)
    call = parsed.call or _free_call(parsed, draw)
    if call is not None:
        return SimulatedAnswer("", call, read, count_tokens(json.dumps(call.arguments)))
    if parsed.json_text is not None:
        return SimulatedAnswer(parsed.json_text, None, read, count_tokens(parsed.json_text))
    wanted = max(1, int(length * draw.uniform(0.6, 1.4)))
    allowed = min(wanted, parsed.max_tokens or wanted)
    about = parsed.prompt if parsed.results is None else parsed.results
    return SimulatedAnswer(_prose(about, allowed, draw), None, read, allowed, cut=allowed < wanted)


def _free_call(parsed: ParsedRequest, draw: Random) -> SimulatedCall | None:
    """Return the call that the model makes of itself; none after the answers of tools, so that every loop ends."""
    if not parsed.tools or parsed.results is not None:
        return None
    tool = choose_tool(parsed.tools, parsed.prompt, draw)
    return tool.call() if tool is not None else None


def _prose(prompt: str, length: int, draw: Random) -> str:
    # A prompt may be megabytes long; its first words are in its first thousand characters.
    words = f"{MARK} {draw.choice(OPENINGS)} \u201c{' '.join(prompt[:1000].split()[:8])}\u201d:".split()
    while len(words) < length:
        words += f"{draw.choice(FILLER)};".split()
    return " ".join(words[:length])
