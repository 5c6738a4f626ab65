"""Equal models get equal shares."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from tests.support.strategy_cases import ask, states, step


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
