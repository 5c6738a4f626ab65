"""What a run is expected to take: how lines spread over models, what they cost, and how long the slowest takes."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.producer.file_run.estimate import NO_MODEL, Estimate, Totals, estimate
from pointsman.router.vocabulary.views import Candidate, Explanation, ModelView


def view(name: str, *, capacity: int = 10, latency: float | None = 1.0, **more: Any) -> ModelView:
    fields = {
        "queue": f"llm.{name}", "format": "openai", "upstream": name, "depth": 0, "in_flight": 0, "slots": capacity,
        "workers": 1, "waiting": 0, "served": 0, "succeeded": 0, "errors": {}, "requests_last_minute": 0,
        "tokens_last_minute": 0, "cost_usd": 0.0, "breaker": "closed", "status": "open",
    }  # fmt: skip
    return ModelView(name=name, capacity=capacity, latency_seconds=latency, **{**fields, **more})


def candidate(name: str, **more: Any) -> Candidate:
    fields = {"depth": 0, "capacity": 10, "expected_wait_seconds": 0.0, "expected_cost_usd": 0.01}
    return Candidate(model=name, **{**fields, **more})


def line(*candidates: Candidate, model: str | None = "a", strategy: str = "least_connections") -> Explanation:
    return Explanation(
        task_class="code", classified_by="default", tokens=100, outcome="bind", model=model, strategy=strategy,
        reason="", candidates=candidates,
    )  # fmt: skip


def found(sample: list[Explanation], *views: ModelView, jobs: int | None = None) -> Estimate:
    return estimate(Totals(jobs or len(sample), 0, 10, 10), sample, views)


BOTH = (candidate("a"), candidate("b"))


def test_lines_spread_so_that_all_models_end_together() -> None:
    got = found([line(*BOTH)] * 300, view("a"), view("b", latency=2.0), jobs=3000)
    assert got.models["a"].jobs == pytest.approx(2000, rel=0.05)
    assert got.models["b"].jobs == pytest.approx(1000, rel=0.05)
    assert got.seconds == pytest.approx(200, rel=0.05)
    assert got.cost_usd == pytest.approx(30)
    assert (got.looked_at, got.task_classes) == (300, {"code": 3000})


def test_few_lines_go_where_they_are_decided_to() -> None:
    got = found([line(*BOTH)] * 10, view("a", latency=9.0), view("b"))
    assert {name: model.jobs for name, model in got.models.items()} == {"a": 10}
    assert got.seconds == pytest.approx(9.0)


def test_a_limit_per_minute_counts() -> None:
    sample = [line(candidate("a"))] * 100
    assert found(sample, view("a", most_requests_per_minute=10)).seconds == pytest.approx(600)
    assert found(sample, view("a", most_tokens_per_minute=1000)).seconds == pytest.approx(600)
    assert found(sample, view("a")).seconds == pytest.approx(10)


def test_lines_of_a_static_strategy_do_not_move_to_the_faster_model() -> None:
    views = view("a"), view("b", latency=9.0)
    in_turn = found([line(*BOTH, strategy="round_robin")] * 100, *views)
    assert {name: model.jobs for name, model in in_turn.models.items()} == {"a": 50, "b": 50}
    hashed = found([line(*BOTH, model="b", strategy="contextual > consistent_hash")] * 100, *views)
    assert {name: model.jobs for name, model in hashed.models.items()} == {"b": 100}


def test_what_a_rule_leaves_out_gets_nothing_and_what_is_only_full_does() -> None:
    ruled_out = (candidate("a", ruled_out="left out by a rule"), candidate("b"))
    full = (candidate("a", ruled_out="full: 10 of 10 slots taken"), candidate("b"))
    assert set(found([line(*ruled_out, model="b")] * 100, view("a"), view("b")).models) == {"b"}
    got = found([line(*full, model="b")] * 100, view("a", status="full: 10 of 10 slots taken"), view("b"))
    assert set(got.models) == {"a", "b"}


@pytest.mark.parametrize("status", ["down: auth", "paused: by hand"])
def test_a_model_that_is_away_gets_nothing_while_another_is_there(status: str) -> None:
    assert set(found([line(*BOTH, model="b")] * 100, view("a", status=status), view("b")).models) == {"b"}


def test_without_a_worker_or_a_call_nobody_knows_the_time() -> None:
    sample = [line(candidate("a"), model=None)] * 10
    for views in (view("a", capacity=0, status="no live worker: ..."), view("a", latency=None)):
        got = found(sample, views)
        assert got.seconds is None
        assert "no call of a has ended yet" in got.why_unknown
        assert got.models["a"].jobs == 10


def test_lines_that_no_model_can_do_are_reported() -> None:
    got = found([line(candidate("a", fits=False, ruled_out="too long"), model=None)] * 4, view("a"), jobs=8)
    assert {name: model.jobs for name, model in got.models.items()} == {NO_MODEL: 8}
    assert got.cost_usd == 0.0


def test_a_model_without_a_price_makes_the_price_unknown() -> None:
    assert found([line(candidate("a", expected_cost_usd=None))] * 4, view("a")).cost_usd is None


def test_a_file_of_bad_lines_alone_takes_nothing() -> None:
    got = estimate(Totals(0, 3, 0, 0, ("line 1: bad",)), [], [view("a")])
    assert (got.models, got.seconds, got.cost_usd) == ({}, 0.0, 0)
