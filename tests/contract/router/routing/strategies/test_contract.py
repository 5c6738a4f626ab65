"""What every strategy promises: only candidates, the same answer to the same question, one candidate, none."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as given_by

from pointsman.router.routing.model_state import ModelState
from pointsman.router.routing.strategies import BUILT_IN
from tests.support.strategy_cases import SPECS, ask, state, states, step

EVERY = pytest.mark.parametrize("name", SPECS)


@given_by.composite
def some_states(draw: given_by.DrawFn) -> list[ModelState]:
    """Up to eight healthy models in any condition, each with a free slot."""
    number = given_by.integers(0, 9)
    made = []
    for at in range(draw(given_by.integers(1, 8))):
        latency = draw(given_by.one_of(given_by.none(), given_by.floats(1, 1e6)))
        profile = draw(given_by.dictionaries(given_by.sampled_from(["speed", "cost"]), given_by.floats(0, 1)))
        price = {"input_usd_per_mtok": draw(number), "output_usd_per_mtok": draw(number)}
        one = state(f"m{at}", slots=10, running=draw(number), profile=profile, price=price)
        errors = draw(given_by.floats(0, 1))
        made.append(replace(one, latency_ms=latency, errors=errors, waiting=draw(number), served=draw(number)))
    return made


def test_the_contract_covers_every_built_in_strategy() -> None:
    assert set(SPECS) == set(BUILT_IN)


@EVERY
@settings(max_examples=60, deadline=None)
@given(candidates=some_states(), seed=given_by.integers(0, 2**32), key=given_by.text(max_size=20))
def test_only_candidates_are_chosen_and_scored(
    name: str, candidates: list[ModelState], seed: int, key: str
) -> None:
    choice = step(name).choose(ask(candidates, seed=seed, key=key))
    names = {one.model.name for one in candidates}
    assert choice.models
    assert set(choice.models) <= names
    assert set(choice.scores) | set(choice.ruled_out) <= names
    assert choice.reason


@EVERY
@settings(max_examples=40, deadline=None)
@given(candidates=some_states(), seed=given_by.integers(0, 2**32), key=given_by.text(max_size=20))
def test_the_same_question_and_seed_give_the_same_choice(
    name: str, candidates: list[ModelState], seed: int, key: str
) -> None:
    one, other = (step(name).choose(ask(candidates, seed=seed, key=key)) for _ in range(2))
    assert one == other


@EVERY
def test_one_candidate_is_chosen(name: str) -> None:
    assert step(name).choose(ask(states(1))).models == ("m0",)


@EVERY
def test_without_a_candidate_nothing_is_chosen(name: str) -> None:
    choice = step(name).choose(ask([]))
    assert choice.models == ()
    assert choice.reason == "there is no candidate"


@EVERY
def test_a_strategy_leaves_what_it_was_given_as_it_is(name: str) -> None:
    candidates = states(3)
    before = [one.depth for one in candidates]
    step(name).choose(ask(candidates))
    assert [one.depth for one in candidates] == before
    assert [one.model.name for one in candidates] == ["m0", "m1", "m2"]


@EVERY
def test_a_memory_goes_on_where_a_model_has_come_or_gone(name: str) -> None:
    chosen = step(name).choose(ask(states(3)))
    for count in (2, 4):
        following = step(name).choose(ask(states(count), cursor=chosen.cursor or ""))
        assert following.models[0] in {f"m{at}" for at in range(count)}
