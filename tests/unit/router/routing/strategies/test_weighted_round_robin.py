"""Weighted turns are exact, and spread over each cycle."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as given_by

from pointsman.router.routing.model_state import ModelState
from pointsman.router.routing.strategies import Step
from tests.support.strategy_cases import ask, states, step

WEIGHTS = given_by.lists(given_by.integers(1, 12), min_size=1, max_size=8)


def in_turn(one: Step, candidates: list[ModelState], count: int) -> list[str]:
    """Return the models of so many jobs, one after the other, with the strategy's memory kept."""
    cursor, chosen = "", []
    for _ in range(count):
        choice = one.choose(ask(candidates, cursor=cursor))
        cursor = choice.cursor or ""
        chosen.append(choice.models[0])
    return chosen


@settings(max_examples=80, deadline=None)
@given(WEIGHTS)
def test_smooth_weighted_turns_are_exact_over_every_cycle(weights: list[int]) -> None:
    wanted = {f"m{at}": weight for at, weight in enumerate(weights)}
    turns = in_turn(step("weighted_round_robin", weights=wanted), states(len(weights)), 2 * sum(weights))
    assert Counter(turns[: sum(weights)]) == wanted
    assert turns[: sum(weights)] == turns[sum(weights) :]


def test_weighted_turns_are_interleaved_as_in_nginx() -> None:
    turns = in_turn(step("weighted_round_robin", weights={"m0": 5, "m1": 1, "m2": 1}), states(3), 7)
    assert "".join(name[1] for name in turns) == "0010200"
