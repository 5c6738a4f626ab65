"""Whom a job prefers: models that have not failed it, and that nobody suspects."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from pointsman.router.routing.catalog import Catalog
from pointsman.router.routing.decide import Chains, Decision, Moment, Waiting, decide
from pointsman.router.routing.model_state import ModelState
from pointsman.router.routing.preference import FAILED, not_failed
from pointsman.router.vocabulary.lanes import Lane
from tests.support.strategy_cases import SPECS, state

NAMES = ("m0", "m1", "m2")
NOW = 1_000_000
LANE = Lane("any", "default", NAMES)
SUSPECT = {"suspect": "5 faults in a row", "probe_at": NOW + 5_000}
DUE = {"suspect": "5 faults in a row", "probe_at": NOW}
NO_LUCK = {"contextual": "least_connections"}
"""A strategy whose rules may send a job to some of the models only is tried with its default."""


def catalog(strategy: str) -> Catalog:
    options = SPECS[NO_LUCK.get(strategy, strategy)].model_dump()
    if strategy == "weighted_round_robin":
        options = {"name": strategy, "weights": {"m0": 5, "m1": 1, "m2": 1}}
    row = {"format": "openai", "base_url": "http://127.0.0.1:1/v1", "upstream": "test"}
    return Catalog.model_validate(
        {
            "models": dict.fromkeys(NAMES, row),
            "task_classes": {"any": {"models": list(NAMES), "strategy": [options]}},
            "default_class": "any",
        }
    )


def decided(
    *states: ModelState, strategy: str = "least_connections", lane: Lane = LANE, failed_by: tuple[str, ...] = ()
) -> Decision:
    job = Waiting("job-1", 1.0, 100, lane, failed_by=failed_by)
    moment = Moment({one.model.name: one for one in states}, {}, Random(1))
    return decide(job, moment, Chains(catalog(strategy)))


def three(**fields: Any) -> list[ModelState]:
    """Return three equal models, but for what `m0=...` and so on say."""
    return [state(name, **fields.get(name, {})) for name in NAMES]


def test_those_that_failed_come_again_when_none_other_is_left_but_the_last_of_them() -> None:
    models = three()
    assert [one.model.name for one in not_failed((), models)] == list(NAMES)
    assert [one.model.name for one in not_failed(("m0",), models)] == ["m1", "m2"]
    assert [one.model.name for one in not_failed(("m0", "m2"), models)] == ["m1"]
    assert [one.model.name for one in not_failed(("m0", "m2", "m1"), models)] == ["m0", "m2"]
    assert [one.model.name for one in not_failed(("m0",), models[:1])] == ["m0"]
    assert not_failed(("m0",), []) == []


@pytest.mark.parametrize("strategy", SPECS)
def test_no_strategy_sends_a_job_back_to_the_model_that_failed_it(strategy: str) -> None:
    for failing in NAMES:
        decision = decided(*three(), strategy=strategy, failed_by=(failing,))
        assert decision.model not in (None, failing)
        assert decision.ruled_out[failing] == FAILED


@pytest.mark.parametrize("strategy", SPECS)
def test_a_job_waits_for_the_models_that_have_not_failed_it(strategy: str) -> None:
    busy = {"running": 100}
    decision = decided(*three(m1=busy, m2=busy), strategy=strategy, failed_by=("m0",))
    assert decision.lane is not None, "nobody behind it is held up"
    assert "m0" not in decision.lane.waits_for
    waiting = decided(*three(m1=busy, m2=busy), strategy=strategy, failed_by=("m0",), lane=decision.lane)
    assert (waiting.model, waiting.lane) == (None, None)


def test_it_goes_back_where_all_others_are_away() -> None:
    away = {"slots": 0}
    lane = LANE.choosing(("m1", "m2"))
    decision = decided(*three(m1=away, m2=away), lane=lane, failed_by=("m0",))
    assert (decision.model, decision.lane) == ("m0", None)


@pytest.mark.parametrize("strategy", SPECS)
def test_a_suspect_model_gets_nothing_while_another_is_there(strategy: str) -> None:
    for suspect in NAMES:
        decision = decided(*three(**{suspect: SUSPECT}), strategy=strategy)
        assert decision.model not in (None, suspect)
        assert "suspect: 5 faults in a row" in decision.ruled_out[suspect]


@pytest.mark.parametrize("strategy", SPECS)
def test_a_suspect_model_gets_one_job_when_its_probe_is_due(strategy: str) -> None:
    for suspect in NAMES:
        models = three(**{suspect: DUE})
        decision = decided(*models, strategy=strategy)
        assert (decision.model, decision.lane, decision.cursor) == (suspect, None, None)
        assert decision.reason == "a probe of the model, which is suspect: 5 faults in a row"
        after = [one.with_one_more(100) if one.model.name == suspect else one for one in models]
        assert decided(*after, strategy=strategy).model not in (None, suspect)


@pytest.mark.parametrize(
    "other",
    [
        SUSPECT,
        {"cooled_until": NOW + 3_600_000},
        {"requests_left": 0, "requests_left_until": NOW + 3_600_000},
        {"tokens_left": 0, "tokens_left_until": NOW + 3_600_000},
    ],
)
def test_a_job_does_not_wait_long_for_a_model_while_the_one_that_failed_it_is_free(other: dict[str, Any]) -> None:
    decision = decided(*three(m1=other, m2={"slots": 0}), failed_by=("m0",))
    assert (decision.model, decision.lane) == ("m0", None)


def test_a_job_that_failed_is_no_probe() -> None:
    decision = decided(*three(m0=DUE), failed_by=("m1",))
    assert decision.model == "m2"


def test_where_the_others_are_full_a_job_waits_in_its_own_lane() -> None:
    busy = {"running": 100}
    decision = decided(*three(m0=SUSPECT, m1=busy, m2=busy))
    assert (decision.model, decision.lane) == (None, None), "the suspect may be cleared any moment"


def test_a_job_whose_chosen_model_is_suspect_is_decided_again() -> None:
    decision = decided(*three(m0=SUSPECT), strategy="consistent_hash", lane=LANE.choosing(("m0",)))
    assert decision.model in ("m1", "m2")


def test_a_model_that_is_down_is_away_until_its_probe_is_due() -> None:
    later = {"down": "auth: no", "probe_at": NOW + 300_000}
    decision = decided(*three(m0=later, m1={"slots": 0}, m2={"slots": 0}))
    assert decision.model is None
    assert decision.ruled_out["m0"] == "down: auth: no; probed with one job in 300.0 s"
    due = {"down": "auth: no", "probe_at": NOW}
    assert decided(*three(m0=due, m1={"slots": 0}, m2={"slots": 0})).model == "m0"
    under_way = {**due, "probes": 1}
    assert decided(*three(m0=under_way)).ruled_out["m0"] == "down: auth: no; a probe is under way"
