"""The ring: few keys move, no model gets more than its bound."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as given_by

from pointsman.router.routing.model_state import ModelState
from tests.support.strategy_cases import ask, state, states, step

RING = [1, 1, 0, 2, 1, 0, 0, 0, 1, 2, 1, 2]


def placed(candidates: list[ModelState], keys: int) -> list[str]:
    one = step("consistent_hash", bound=100)
    return [one.choose(ask(candidates, key=f"key {at}")).models[0] for at in range(keys)]


@pytest.mark.parametrize("count", [2, 3, 5, 9])
def test_a_new_model_takes_its_share_of_the_keys_and_none_moves_between_the_others(count: int) -> None:
    before, after = placed(states(count), 10_000), placed(states(count + 1), 10_000)
    moved = [new for old, new in zip(before, after, strict=True) if old != new]
    assert set(moved) == {f"m{count}"}
    assert len(moved) <= 1.2 * 10_000 / (count + 1)


def test_the_ring_is_the_same_on_every_host() -> None:
    assert placed(states(3), 12) == [f"m{at}" for at in RING]


@settings(max_examples=60, deadline=None)
@given(
    loads=given_by.lists(given_by.integers(0, 60), min_size=1, max_size=8),
    bound=given_by.floats(1.0, 3.0),
    key=given_by.text(max_size=8),
)
def test_the_bound_is_never_broken(loads: list[int], bound: float, key: str) -> None:
    candidates = [state(f"m{at}", running=load // 2, waiting=load - load // 2) for at, load in enumerate(loads)]
    name = step("consistent_hash", bound=bound).choose(ask(candidates, key=key)).models[0]
    share = bound * (sum(loads) + 1) / len(loads)
    assert loads[int(name[1:])] < share + 1
    assert loads[int(name[1:])] + 1 <= -(-share // 1)


def test_a_hot_key_spills_clockwise_and_comes_home() -> None:
    one, candidates = step("consistent_hash"), states(4)
    home = one.choose(ask(candidates, key="hot")).models[0]
    busy = [replace(each, running=50 if each.model.name == home else 0) for each in candidates]
    spilled = one.choose(ask(busy, key="hot"))
    assert spilled.models[0] != home
    assert f"{home} at the bound" in spilled.reason
    assert one.choose(ask(candidates, key="hot")).models[0] == home
