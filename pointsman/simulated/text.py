"""What a simulated model says: canned sentences around words of the prompt."""

from __future__ import annotations

import random
import re

MARK = "[simulated]"
"""Every simulated text begins with it, so that nobody takes it for a real answer."""

CHARS_PER_TOKEN = 4
"""The usual rule of thumb for English text."""

_OPENINGS = (
    'You asked about "{topic}".',
    'On "{topic}", the short answer is yes, with conditions.',
    'Here is what matters for "{topic}".',
)
_SENTENCES = (
    "Start with {one}, since {two} depends on it.",
    "Most people overlook how {one} changes {two}.",
    "A good first step is to compare {one} with {two}.",
    "In practice {one} comes before {two}, and both can be checked.",
    "If {one} is unclear, look at {two} again and keep it simple.",
)
_WORD = re.compile(r"[^\W\d_]{4,24}")


def count_tokens(text: str) -> int:
    """Return the estimated number of tokens, 1 at least."""
    return max(1, -(-len(text) // CHARS_PER_TOKEN))


def write(prompt: str, *, tokens: int, chance: random.Random) -> str:
    """Return sentences of `tokens` tokens or a few more that quote the prompt, without the mark."""
    # Only the beginning is read: a prompt may be megabytes long and quoting needs a handful of words.
    words = list(dict.fromkeys(_WORD.findall(prompt[:4000]))) or ["that"]
    sentences = [chance.choice(_OPENINGS).format(topic=" ".join(words[:6]))]
    length = len(sentences[0])
    while length < tokens * CHARS_PER_TOKEN:
        one, two = chance.choice(words), chance.choice(words)
        sentences.append(chance.choice(_SENTENCES).format(one=one, two=two))
        length += len(sentences[-1]) + 1
    return " ".join(sentences)


def cut(text: str, max_tokens: int | None) -> tuple[str, bool]:
    """Return `text` within `max_tokens`, and whether it had to be cut."""
    if max_tokens is None or count_tokens(text) <= max_tokens:
        return text, False
    return text[: max_tokens * CHARS_PER_TOKEN], True
