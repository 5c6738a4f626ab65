"""What a call costs by the estimated tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .facts import JobFacts

if TYPE_CHECKING:  # the catalog checks strategies, and one of them looks at prices
    from .catalog import Price

TOKENS_PER_PRICE = 1_000_000
"""Prices are per million tokens."""


def expected_cost_usd(price: Price | None, facts: JobFacts) -> float | None:
    """Return what a call will cost by the estimated tokens, None without a price."""
    if price is None:
        return None
    spent = facts.input_tokens * price.input_usd_per_mtok + facts.output_tokens * price.output_usd_per_mtok
    return spent / TOKENS_PER_PRICE
