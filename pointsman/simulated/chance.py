"""Randomness that repeats: the same facts give the same draws, in every process."""

from __future__ import annotations

import random


def draws(*facts: object) -> random.Random:
    """Return a source of draws that depends on nothing but `facts`.

    Text is hashed by `random` with SHA-512, unlike `hash()`, which differs from process to process.
    """
    return random.Random("\x1f".join(str(fact) for fact in facts))
