"""Properties of strategies over many jobs: shares, rings, bounds."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as given_by
from strategy_cases import ask, state, states, step

from pointsman.router.routing.model_state import ModelState
from pointsman.router.routing.strategies import Step

RING = [1, 1, 0, 2, 1, 0, 0, 0, 1, 2, 1, 2]
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


def test_round_robin_takes_turns_in_the_fixed_order() -> None:
    assert in_turn(step("round_robin"), states(3), 7) == ["m0", "m1", "m2", "m0", "m1", "m2", "m0"]


def test_round_robin_passes_over_a_model_that_is_away_and_takes_it_in_again() -> None:
    first = step("round_robin").choose(ask(states(3)))
    second = step("round_robin").choose(ask([state("m0"), state("m2")], cursor=first.cursor or ""))
    third = step("round_robin").choose(ask(states(3), cursor=second.cursor or ""))
    assert [choice.models[0] for choice in (first, second, third)] == ["m0", "m2", "m1"]


def test_random_is_even() -> None:
    random = Random(7)
    one = step("random")
    drawn = Counter(one.choose(replace(ask(states(4)), random=random)).models[0] for _ in range(8_000))
    assert all(1_850 < count < 2_150 for count in drawn.values())


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


def test_least_connections_gives_equal_models_equal_shares() -> None:
    candidates, random, one = {each.model.name: each for each in states(4)}, Random(3), step("least_connections")
    running: list[str] = []
    for _ in range(10_000):
        if len(running) > 30:  # one call ends, whichever
            ended = running.pop(random.randrange(len(running)))
            candidates[ended] = replace(candidates[ended], bound=candidates[ended].bound - 1)
        name = one.choose(replace(ask(list(candidates.values())), random=random)).models[0]
        candidates[name] = candidates[name].with_one_more(0)
        running.append(name)
        assert all(each.depth >= 0 for each in candidates.values())
    served = [each.served for each in candidates.values()]
    assert sum(served) == 10_000
    assert max(served) / min(served) <= 1.05


def test_adaptive_gives_a_slow_model_its_floor_share_and_no_more() -> None:
    candidates, random = [state("m0", latency_ms=100), state("m1", latency_ms=90_000)], Random(5)
    one = step("adaptive", floor=0.05)
    drawn = Counter(one.choose(replace(ask(candidates), random=random)).models[0] for _ in range(4_000))
    assert 150 < drawn["m1"] < 250


def test_adaptive_starts_a_cold_model_at_the_median() -> None:
    candidates = [state("m0", latency_ms=1000), state("m1"), state("m2", latency_ms=3000)]
    assert step("adaptive").choose(ask(candidates)).scores == {"m0": 1.0, "m1": 2.0, "m2": 3.0}


def test_an_error_rate_fades() -> None:
    failing = state(errors=0.8, errors_at=1_000_000 - 60_000)
    assert failing.error_rate == pytest.approx(0.4)
