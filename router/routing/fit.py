"""Rules out models that cannot do a job at any time: what no wait can change. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..vocabulary.facts import JobFacts
from ..vocabulary.model import Model

if TYPE_CHECKING:  # the catalog checks strategies, and one of them looks at prices
    from ..vocabulary.model import Price


TOKENS_PER_PRICE = 1_000_000
"""Prices are per million tokens."""


def expected_cost_usd(price: Price | None, facts: JobFacts) -> float | None:
    """Return what a call will cost by the estimated tokens, None without a price."""
    if price is None:
        return None
    spent = facts.input_tokens * price.input_usd_per_mtok + facts.output_tokens * price.output_usd_per_mtok
    return spent / TOKENS_PER_PRICE


WINDOW = "context window"
"""How the reason begins when a job is too long for a model."""


def unfit_because(model: Model, facts: JobFacts, *, max_cost_usd: float | None = None) -> str | None:
    """Return in words why the model can never do the job, or None.

    `max_cost_usd` is the task class's ceiling; the job's own holds beside it. A model without a price is ruled
    out where there is a ceiling: nobody can promise that it is kept.
    """
    if model.context_window and facts.tokens > model.context_window:
        return f"{WINDOW}: {facts.tokens} tokens do not fit {model.context_window}"
    per_minute = model.limits.tokens_per_minute
    if per_minute and facts.tokens > per_minute:
        return f"{facts.tokens} tokens are more than its {per_minute} tokens per minute"
    if facts.needs and facts.needs - model.abilities:
        return f"cannot do {', '.join(sorted(facts.needs - model.abilities))}"
    return _too_dear(model, facts, max_cost_usd)


def _too_dear(model: Model, facts: JobFacts, ceiling_usd: float | None) -> str | None:
    ceilings = [usd for usd in (facts.max_cost_usd, ceiling_usd) if usd is not None]
    if not ceilings:
        return None
    cost = expected_cost_usd(model.price, facts)
    if cost is None:
        return "has no price, and the job a maximum cost"
    if cost > min(ceilings):
        return f"about ${cost:.6f} is more than the maximum cost ${min(ceilings):.6f}"
    return None
