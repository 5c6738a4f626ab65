"""Decisions that let a job wait, in its own lane or in a narrower one, and what stands in their records."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from pointsman.router.routing.catalog import Catalog
from pointsman.router.routing.decide import (
    Chains,
    Decision,
    Moment,
    Waiting,
    check_strategies,
    decide,
    expected_wait_seconds,
)
from pointsman.router.routing.model_state import ModelState
from pointsman.router.vocabulary.facts import JobFacts
from pointsman.router.vocabulary.job import JobSpec
from pointsman.router.vocabulary.lanes import Lane

NAMES = ("a", "b", "c")
PRICE = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 2.0}
FACTS = JobFacts(input_tokens=1000, output_tokens=500)
COST = 0.002
FULL = "full: 4 of 4 slots taken"

CATALOG = Catalog.model_validate(
    {
        "models": {
            name: {"format": "openai", "base_url": "http://127.0.0.1:1/v1", "upstream": "test", "price": PRICE}
            for name in NAMES
        },
        "task_classes": {
            "narrowed": {
                "models": list(NAMES),
                "strategy": [
                    {
                        "name": "contextual",
                        "rules": [
                            {"when": {"topic": "law"}, "use": ["a", "b"]},
                            {"when": {"topic": "art"}, "use": ["a"]},
                        ],
                    },
                    "least_connections",
                ],
            },
            "static": {"models": list(NAMES), "strategy": ["round_robin"]},
        },
        "default_class": "narrowed",
    }
)
MODEL_LEFT = {"c": "not in rule 1"}


def state(name: str, **facts: Any) -> ModelState:
    """Return a model with 4 slots, free unless said otherwise."""
    known = {"announced": 4, "workers": 1, "bound": 0, "running": 0, "served": 0, "now": 1_000_000}
    return ModelState(model=CATALOG.models[name], **(known | facts))


def decided(lane: Lane, *states: ModelState, cursors: dict[str, str] | None = None, **facts: Any) -> Decision:
    job = Waiting("job-1", 1.0, 100, lane, JobFacts(input_tokens=1000, output_tokens=500, **facts))
    now = Moment({one.model.name: one for one in states}, cursors or {}, Random(1))
    return decide(job, now, Chains(CATALOG))


def test_a_pinned_job_is_told_what_it_will_cost() -> None:
    pinned = Lane("@a", "default", ("a",))
    assert decided(pinned, state("a")) == Decision("a", "pinned", "pinned by its caller", cost_usd=COST)


def test_a_pinned_job_waits_for_its_full_model() -> None:
    assert decided(Lane("@a", "default", ("a",)), state("a", running=4)) == Decision(
        None, "", "its model cannot take it now", ruled_out={"a": FULL}
    )


def test_a_job_for_which_was_chosen_keeps_its_decision() -> None:
    decision = decided(Lane("narrowed", "default", NAMES, ("b",)), state("a"), state("b"))
    assert decision == Decision("b", "pinned", "pinned by its caller", kept=True, cost_usd=COST)


def test_a_job_without_any_candidate_waits_and_says_why() -> None:
    assert decided(
        Lane("narrowed", "default", NAMES), state("a", down="auth"), state("b", announced=0)
    ) == Decision(
        None,
        "",
        "no candidate is there",
        ruled_out={"a": "down: auth", "b": "no live worker", "c": "not in this dispatcher's configuration"},
    )


def test_a_job_whose_chosen_model_is_away_is_decided_again() -> None:
    lane = Lane("static", "default", NAMES, ("b",))
    decision = decided(lane, state("a"), state("b", down="auth"))
    assert (decision.model, decision.lane) == ("a", None)
    assert decision.ruled_out["b"] == "down: auth"


def test_a_job_that_only_some_models_may_take_waits_in_their_own_lane() -> None:
    lane = Lane("narrowed", "default", NAMES)
    busy = [state(name, running=4) for name in ("a", "b")]
    decision = decided(lane, *busy, state("c"), context={"topic": "law"})
    assert decision == Decision(
        None,
        "contextual > least_connections",
        "rule 1: topic is law; no candidate can take it now",
        ruled_out={"a": FULL, "b": FULL, **MODEL_LEFT},
        lane=lane.choosing(("a", "b")),
    )


def test_a_job_that_one_model_alone_may_take_waits_for_it() -> None:
    lane = Lane("narrowed", "default", NAMES)
    decision = decided(lane, state("a", running=4), state("b"), state("c"), context={"topic": "art"})
    assert (decision.model, decision.lane) == ("a", lane.choosing(("a",)))
    assert decision.strategy == "contextual > least_connections"
    assert decision.ruled_out == {"a": FULL, "b": "not in rule 2", "c": "not in rule 2"}


def test_a_job_that_every_model_may_take_waits_where_it_is() -> None:
    decision = decided(Lane("narrowed", "default", NAMES), *(state(name, running=4) for name in NAMES))
    assert decision == Decision(
        None,
        "contextual > least_connections",
        "no rule fits; no candidate can take it now",
        ruled_out=dict.fromkeys(NAMES, FULL),
    )


def test_a_static_strategy_lets_a_job_wait_for_the_model_that_it_chose() -> None:
    lane = Lane("static", "default", NAMES)
    states = [state("a", running=4, bound=2, latency_ms=3000), state("b"), state("c")]
    decision = decided(lane, *states)
    assert (decision.model, decision.lane) == ("a", lane.choosing(("a",)))
    assert decision.wait_seconds == expected_wait_seconds(states[0]) > 0
    assert decision.cost_usd == COST
    assert "a" not in decision.ruled_out
    assert decision.cursor is not None
    scope, cursor = decision.cursor
    assert scope == "static/round_robin"
    free = decided(lane, *states, cursors={scope: cursor})
    assert (free.model, free.lane, free.wait_seconds) == ("b", None, 0.0)


def test_a_free_model_takes_the_job_at_once_whatever_waits_for_it() -> None:
    decision = decided(
        Lane("narrowed", "default", NAMES), state("a", waiting=9, latency_ms=3000), context={"topic": "art"}
    )
    assert decision == Decision(
        "a",
        "contextual > least_connections",
        "rule 2: topic is art; least loaded: 0 of 4 slots taken",
        {"a": 0.0},
        ruled_out=dict.fromkeys(("b", "c"), "not in this dispatcher's configuration"),
        cost_usd=COST,
    )


def test_models_of_the_class_that_are_no_candidates_are_ruled_out_with_the_reason() -> None:
    dear = decided(Lane("static", "default", ("a",)), state("a"), max_cost_usd=0.001)
    assert dear.ruled_out == dict.fromkeys(("b", "c"), "about $0.002000 is more than the maximum cost $0.001000")
    left = decided(Lane("static", "default", ("a",)), state("a"))
    assert left.ruled_out == dict.fromkeys(("b", "c"), "left after an earlier attempt")


@pytest.mark.parametrize(
    ("facts", "seconds"),
    [
        ({"running": 3}, 0.0),
        ({"running": 4}, 0.5),
        ({"running": 4, "bound": 4}, 2.5),
        ({"running": 4, "announced": 0}, 0.0),
        ({"running": 8, "latency_ms": None}, 0.0),
    ],
)
def test_the_wait_is_what_is_ahead_by_the_usual_latency(facts: dict[str, Any], seconds: float) -> None:
    assert expected_wait_seconds(state("a", **({"latency_ms": 2000} | facts))) == seconds


def test_a_record_is_rounded_and_names_a_cost_where_there_is_one() -> None:
    decision = Decision("a", "s", "why", {"a": 0.123456}, {"b": "full"}, wait_seconds=1.23456, cost_usd=1.23e-7)
    record = {
        "model": "a",
        "strategy": "s",
        "reason": "why",
        "scores": {"a": 0.1235},
        "ruled_out": {"b": "full"},
        "expected_wait_seconds": 1.235,
    }
    assert decision.record() == {**record, "expected_cost_usd": 1.2e-7}
    assert Decision("a", "s", "why", {"a": 0.123456}, {"b": "full"}, wait_seconds=1.23456).record() == record


def test_a_job_may_name_strategies_that_are_there() -> None:
    check_strategies(CATALOG, JobSpec(prompt="x", task_class="narrowed", strategy=("contextual", "random")))
    check_strategies(CATALOG, JobSpec(prompt="x", model="a", strategy=("random",)))
    check_strategies(CATALOG, JobSpec(prompt="x"))


@pytest.mark.parametrize(
    ("strategy", "words"),
    [
        (("fortune",), "no strategy is called 'fortune' \\(there are: adaptive, .*weighted_round_robin\\)"),
        (("os:system",), "no strategy is called 'os:system'"),
        (("random", "least_connections"), "random"),
    ],
)
def test_a_job_that_names_others_is_told_which_there_are(strategy: tuple[str, ...], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_strategies(CATALOG, JobSpec(prompt="x", task_class="static", strategy=strategy))


def test_a_class_gives_options_to_the_strategy_that_a_job_names_and_measures_quality() -> None:
    job = {"context": {"topic": "art"}, "strategy": ("contextual",)}
    assert decided(Lane("narrowed", "default", NAMES), *map(state, NAMES), **job).model == "a"
