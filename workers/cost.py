"""Says what a call cost."""

from __future__ import annotations

from pointsman.router.vocabulary.chat import Usage
from pointsman.router.vocabulary.model import Price

TOKENS_PER_PRICE = 1_000_000
"""Prices are per million tokens."""


def cost_usd(usage: Usage, price: Price | None) -> float | None:
    """Return the cost of a call in USD, None where the model has no price."""
    if price is None:
        return None
    cached = min(usage.cached_tokens, usage.input_tokens)
    cached_price = price.cached_input_usd_per_mtok
    total = (
        (usage.input_tokens - cached) * price.input_usd_per_mtok
        + cached * (price.input_usd_per_mtok if cached_price is None else cached_price)
        + usage.output_tokens * price.output_usd_per_mtok
    )
    return total / TOKENS_PER_PRICE
