"""Deciding: who can take a job now, who gets it, and why, in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from pointsman.router.routing.catalog import Catalog
from pointsman.router.routing.decide import Chains, Decision, Moment, Waiting, decide
from pointsman.router.routing.model_state import HealthChanges, ModelState
from pointsman.router.vocabulary.lanes import Lane
from pointsman.router.vocabulary.model import Limits

NOW = 1_000_000
LANE = Lane("technical_support", "default", ("gpt-4", "claude"))

CATALOG = Catalog.model_validate(
    {
        "models": {
            name: {"format": "openai", "base_url": "http://127.0.0.1:1/v1", "upstream": "test"}
            for name in ("gpt-4", "claude", "gemini")
        },
        "task_classes": {"technical_support": {"models": ["gpt-4", "claude"]}},
        "default_class": "technical_support",
    }
)

NewState = Callable[..., ModelState]


@pytest.fixture
def state(catalog: Catalog) -> NewState:
    """Builds the state of a model that has 4 free slots, unless said otherwise."""

    def build(name: str, *, limits: Limits | None = None, **facts: Any) -> ModelState:
        model = catalog.models[name].model_copy(update={"limits": limits or Limits()})
        known = {"announced": 4, "workers": 1, "bound": 0, "running": 0, "served": 0, "now": NOW}
        return ModelState(model=model, **(known | facts))

    return build


def decided(*states: ModelState, lane: Lane = LANE, tokens: int = 100, seed: int = 1) -> Decision:
    """Decide about one job with these models."""
    job = Waiting("job-1", 1.0, tokens, lane)
    now = Moment({state.model.name: state for state in states}, {}, Random(seed))
    return decide(job, now, Chains(CATALOG))


def test_the_least_loaded_model_gets_the_job(state: NewState) -> None:
    decision = decided(state("gpt-4", running=2), state("claude", running=1))
    assert decision.model == "claude"
    assert decision.scores == {"gpt-4": 0.5, "claude": 0.25}
    assert decision.reason == "least loaded: 1 of 4 slots taken"


def test_load_is_measured_against_capacity(state: NewState) -> None:
    assert decided(state("gpt-4", announced=100, running=10), state("claude", running=1)).model == "gpt-4"


def test_among_equals_the_one_that_served_the_fewest_gets_the_job(state: NewState) -> None:
    decision = decided(state("gpt-4", served=5), state("claude", served=4))
    assert decision.model == "claude"
    assert "served the fewest" in decision.reason


def test_among_full_equals_chance_decides(state: NewState) -> None:
    chosen = {decided(state("gpt-4"), state("claude"), seed=seed).model for seed in range(30)}
    assert chosen == {"gpt-4", "claude"}


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"down": "auth: wrong key"}, "down: auth: wrong key"),
        ({"paused": "maintenance"}, "paused: maintenance"),
        ({"announced": 0, "workers": 0}, "no live worker"),
        ({"cooled_until": NOW + 1_500}, "cooling for another 1.5 s"),
        ({"running": 3, "bound": 1}, "full: 4 of 4 slots taken"),
        ({"limits": Limits(concurrency=2), "running": 2}, "full: 2 of 2 slots taken"),
        ({"limits": Limits(requests_per_minute=5), "requests_in_minute": 5}, "5 requests per minute reached"),
        ({"limits": Limits(tokens_per_minute=500), "tokens_in_minute": 450}, "500 tokens per minute reached"),
    ],
)
def test_a_model_that_cannot_take_the_job_is_ruled_out_with_the_reason(
    state: NewState, facts: dict[str, Any], why: str
) -> None:
    decision = decided(state("gpt-4", **facts), state("claude", running=3))
    assert decision.model == "claude"
    assert decision.ruled_out == {"gpt-4": why}


@pytest.mark.parametrize(
    "facts",
    [
        {"cooled_until": NOW},
        {"limits": Limits(tokens_per_minute=50), "tokens_in_minute": 0},
        {"limits": Limits(tokens_per_minute=500), "tokens_in_minute": 400},
        {"limits": Limits(requests_per_minute=5), "requests_in_minute": 4},
        {"announced": 8, "running": 8, "window": 0.125},
    ],
)
def test_a_model_that_is_just_open_takes_the_job(state: NewState, facts: dict[str, Any]) -> None:
    assert decided(state("gpt-4", **facts)).model == "gpt-4"


def test_a_job_waits_when_no_candidate_can_take_it(state: NewState) -> None:
    decision = decided(state("gpt-4", paused="maintenance"))
    assert decision.model is None
    assert decision.ruled_out == {
        "gpt-4": "paused: maintenance",
        "claude": "not in this dispatcher's configuration",
    }


def test_only_candidates_of_the_lane_are_asked(state: NewState) -> None:
    assert decided(state("gemini"), state("gpt-4", running=3)).model == "gpt-4"


def test_a_pinned_job_goes_to_its_model_or_waits(state: NewState) -> None:
    pinned = Lane("@gpt-4", "default", ("gpt-4",))
    decision = decided(state("gpt-4", running=3), state("claude"), lane=pinned)
    assert (decision.model, decision.strategy) == ("gpt-4", "pinned")
    assert decided(state("gpt-4", running=4), state("claude"), lane=pinned).model is None


def test_the_record_of_a_decision_is_plain_data(state: NewState) -> None:
    record = decided(state("gpt-4", announced=3, running=1), state("claude", down="auth")).record()
    assert record == {
        "model": "gpt-4",
        "strategy": "least_connections",
        "reason": "least loaded: 1 of 3 slots taken",
        "scores": {"gpt-4": 0.3333},
        "ruled_out": {"claude": "down: auth"},
        "expected_wait_seconds": 0.0,
    }


def test_one_more_job_counts_in_every_figure(state: NewState) -> None:
    before = state("gpt-4", bound=1, served=7, requests_in_minute=2, tokens_in_minute=10)
    after = before.with_one_more(90)
    wanted = replace(before, bound=2, served=8, requests_in_minute=3, tokens_in_minute=100, probes=1)
    assert after == wanted


def test_an_open_breaker_sends_jobs_elsewhere_and_a_half_open_one_lets_a_few_through(state: NewState) -> None:
    claude = state("claude", running=3)
    broken = state("gpt-4", breaker="open", open_until=NOW + 2500, breaker_why="12 of 20 calls failed")
    decision = decided(broken, claude)
    assert decision.model == "claude"
    assert decision.ruled_out["gpt-4"] == "breaker open: 12 of 20 calls failed; probed in 2.5 s"
    probed = state("gpt-4", breaker="half_open", probes=2)
    assert (probed.slots, probed.with_one_more(0).slots) == (1, 0)
    assert decided(probed, claude).model == "gpt-4"
    full = decided(probed.with_one_more(0), claude)
    assert (full.model, full.ruled_out["gpt-4"]) == ("claude", "breaker half-open: 3 probes in flight")


def test_a_dispatcher_tells_each_change_of_a_models_health_once(state: NewState) -> None:
    changes = HealthChanges()
    fine, broken = state("gpt-4"), state("gpt-4", breaker="open", open_until=NOW + 2500, breaker_why="10 of 20")
    assert changes.since_last_look({"gpt-4": fine}) == []
    assert changes.since_last_look({"gpt-4": broken}) == ["gpt-4: breaker open: 10 of 20; probed in 2.5 s"]
    assert changes.since_last_look({"gpt-4": broken}) == []
    assert changes.since_last_look({"gpt-4": state("gpt-4", breaker="half_open")}) == ["gpt-4: breaker half-open"]
    assert changes.since_last_look({"gpt-4": fine}) == ["gpt-4: open"]
    assert changes.since_last_look({"gpt-4": state("gpt-4", paused="a test")}) == ["gpt-4: paused: a test"]


def test_a_model_knows_when_time_alone_may_open_it(state: NewState) -> None:
    limits = Limits(requests_per_minute=5)
    assert state("gpt-4", breaker="open", open_until=NOW + 10).opens_at() == NOW + 10
    assert state("gpt-4", cooled_until=NOW + 10).opens_at() == NOW + 10
    assert state("gpt-4", limits=limits, oldest_leaves=NOW + 500).opens_at() == NOW + 500
    assert state("gpt-4", oldest_leaves=NOW + 500).opens_at() is None
    assert state("gpt-4", limits=limits, oldest_leaves=2**53 - 1).opens_at() is None, "not claimed yet"
