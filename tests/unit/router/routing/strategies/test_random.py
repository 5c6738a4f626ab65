"""Random choices are even."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

from tests.support.strategy_cases import ask, states, step


def test_random_is_even() -> None:
    random = Random(7)
    one = step("random")
    drawn = Counter(one.choose(replace(ask(states(4)), random=random)).models[0] for _ in range(8_000))
    assert all(1_850 < count < 2_150 for count in drawn.values())
