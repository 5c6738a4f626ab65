"""random: each healthy model with the same chance."""

from __future__ import annotations

from .contract import Ask, Choice, NoOptions, Strategy


def choose(ask: Ask, options: NoOptions) -> Choice:
    """Draw one model."""
    name = ask.random.choice(ask.candidates).model.name
    return Choice((name,), f"drawn from {len(ask.candidates)} with equal chances")


STRATEGY = Strategy("random", choose, static=True)
