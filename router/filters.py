"""Rules out models that can not do a job at any time: what no wait can change. Pure."""

from __future__ import annotations

from .catalog import Model
from .facts import JobFacts
from .price import expected_cost_usd

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
        return f"can not do {', '.join(sorted(facts.needs - model.abilities))}"
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
