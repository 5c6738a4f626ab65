"""What a strategy gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Choice:
    """The chosen model, the score of each candidate, and why, in words."""

    model: str
    scores: Mapping[str, float]
    reason: str
