"""What a vendor still allows, as it says itself with its replies."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Left:
    """So many are left, requests or tokens, until a reset in so many seconds."""

    count: int
    seconds: float


@dataclass(frozen=True)
class Allowance:
    """What was left after one reply; None where the vendor did not say."""

    requests: Left | None = None
    tokens: Left | None = None
