"""Faults of simulated models come at their rates."""

from __future__ import annotations

from random import Random

import pytest

from pointsman.router.vocabulary.errors import ErrorKind
from pointsman.simulated import SimulatedModel
from pointsman.simulated.faults import Damage, draw_damage, draw_fault


def test_rates_of_one_meet_every_call_and_rates_of_none_meet_none() -> None:
    sure = SimulatedModel(overloaded_rate=1.0)
    assert {draw_fault(sure, Random(seed)) for seed in range(50)} == {ErrorKind.OVERLOADED}
    assert {draw_fault(SimulatedModel(), Random(seed)) for seed in range(50)} == {None}


def test_faults_come_at_their_rates_and_exclude_each_other() -> None:
    model = SimulatedModel(server_error_rate=0.2, rate_limit_rate=0.3)
    drawn = [draw_fault(model, Random(seed)) for seed in range(2000)]
    assert drawn.count(ErrorKind.SERVER_ERROR) == pytest.approx(400, abs=80)
    assert drawn.count(ErrorKind.RATE_LIMITED) == pytest.approx(600, abs=80)


def test_a_bad_response_is_damaged_in_one_of_three_ways() -> None:
    ways = {draw_damage(ErrorKind.BAD_RESPONSE, Random(seed)) for seed in range(50)}
    assert ways == {Damage.TRUNCATED, Damage.MALFORMED, Damage.UNFINISHED}
