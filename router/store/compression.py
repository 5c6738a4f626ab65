"""Keeps what a worker gets small in Redis: a request of some length is deflated, as text."""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode

WORTH_CHARS = 512
"""Below this, deflate and base64 together win next to nothing."""
DEFLATED = "z"
"""The first character of what is deflated; JSON begins with a brace."""
WINDOW_BITS, MEMORY_LEVEL = -12, 3  # a window of 4 kB: setting up a larger one costs more time than it wins bytes


def pack(text: str) -> str:
    """Return the text as it is to be kept."""
    if len(text) < WORTH_CHARS:
        return text
    deflating = zlib.compressobj(1, zlib.DEFLATED, WINDOW_BITS, MEMORY_LEVEL)
    small = DEFLATED + b64encode(deflating.compress(text.encode()) + deflating.flush()).decode()
    return small if len(small) < len(text) else text


def unpack(kept: str) -> str:
    """Return the text again; raises ValueError where it is damaged."""
    if not kept.startswith(DEFLATED):
        return kept
    try:
        return zlib.decompress(b64decode(kept[1:]), WINDOW_BITS).decode()
    except zlib.error as error:
        raise ValueError(f"not deflated text: {error}") from error
