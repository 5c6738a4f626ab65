"""A slow model gets its floor share, a cold one starts at the median."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

from tests.support.strategy_cases import ask, state, step


def test_adaptive_gives_a_slow_model_its_floor_share_and_no_more() -> None:
    candidates, random = [state("m0", latency_ms=100), state("m1", latency_ms=90_000)], Random(5)
    one = step("adaptive", floor=0.05)
    drawn = Counter(one.choose(replace(ask(candidates), random=random)).models[0] for _ in range(4_000))
    assert 150 < drawn["m1"] < 250


def test_adaptive_starts_a_cold_model_at_the_median() -> None:
    candidates = [state("m0", latency_ms=1000), state("m1"), state("m2", latency_ms=3000)]
    assert step("adaptive").choose(ask(candidates)).scores == {"m0": 1.0, "m1": 2.0, "m2": 3.0}
