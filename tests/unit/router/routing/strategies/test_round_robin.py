"""Turns in a fixed order."""

from __future__ import annotations

from pointsman.router.routing.model_state import ModelState
from pointsman.router.routing.strategies import Step
from tests.support.strategy_cases import ask, state, states, step


def in_turn(one: Step, candidates: list[ModelState], count: int) -> list[str]:
    """Return the models of so many jobs, one after the other, with the strategy's memory kept."""
    cursor, chosen = "", []
    for _ in range(count):
        choice = one.choose(ask(candidates, cursor=cursor))
        cursor = choice.cursor or ""
        chosen.append(choice.models[0])
    return chosen


def test_round_robin_takes_turns_in_the_fixed_order() -> None:
    assert in_turn(step("round_robin"), states(3), 7) == ["m0", "m1", "m2", "m0", "m1", "m2", "m0"]


def test_round_robin_passes_over_a_model_that_is_away_and_takes_it_in_again() -> None:
    first = step("round_robin").choose(ask(states(3)))
    second = step("round_robin").choose(ask([state("m0"), state("m2")], cursor=first.cursor or ""))
    third = step("round_robin").choose(ask(states(3), cursor=second.cursor or ""))
    assert [choice.models[0] for choice in (first, second, third)] == ["m0", "m2", "m1"]
