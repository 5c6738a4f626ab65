"""What rules a model out for a job whatever happens, with each limit at its edge."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.router.routing.fit import expected_cost_usd, unfit_because
from pointsman.router.vocabulary.facts import JobFacts
from pointsman.router.vocabulary.model import Limits, Model, Price

JOB = JobFacts(input_tokens=900, output_tokens=100)
PRICE = Price(input_usd_per_mtok=2.0, output_usd_per_mtok=8.0)
COST = 0.0026
"""900 tokens at 2 and 100 at 8 USD per million."""


def model(**fields: Any) -> Model:
    return Model(name="gpt-4", format="openai", base_url="http://127.0.0.1:1/v1", upstream="gpt-4", **fields)


@pytest.mark.parametrize(("window", "fits"), [(999, False), (1000, True), (1001, True), (None, True)])
def test_a_job_may_fill_the_context_window_and_no_more(window: int | None, fits: bool) -> None:
    why = unfit_because(model(context_window=window), JOB)
    assert why == (None if fits else "context window: 1000 tokens do not fit 999")


@pytest.mark.parametrize(("per_minute", "fits"), [(999, False), (1000, True), (1001, True), (None, True)])
def test_a_job_may_take_the_tokens_of_a_whole_minute_and_no_more(per_minute: int | None, fits: bool) -> None:
    why = unfit_because(model(limits=Limits(tokens_per_minute=per_minute)), JOB)
    assert why == (None if fits else "1000 tokens are more than its 999 tokens per minute")


@pytest.mark.parametrize(
    ("abilities", "missing"),
    [
        ({"images", "tools"}, ""),
        ({"images", "tools", "json_schema"}, ""),
        ({"tools"}, "images"),
        (set(), "images, tools"),
    ],
)
def test_a_model_has_to_be_able_to_do_all_that_the_job_needs(abilities: set[str], missing: str) -> None:
    why = unfit_because(model(abilities=abilities), JobFacts(needs=frozenset({"tools", "images"})))
    assert why == (f"cannot do {missing}" if missing else None)


def test_a_call_costs_what_goes_in_and_what_comes_out() -> None:
    assert expected_cost_usd(PRICE, JOB) == pytest.approx(COST)
    assert expected_cost_usd(None, JOB) is None


@pytest.mark.parametrize(
    ("jobs_own", "of_its_class", "fits"),
    [
        (None, None, True),
        (COST, None, True),
        (None, COST, True),
        (COST, COST, True),
        (COST - 0.0001, None, False),
        (None, COST - 0.0001, False),
        (COST - 0.0001, 1.0, False),
        (1.0, COST - 0.0001, False),
        (0.0, None, False),
    ],
)
def test_the_lower_of_two_ceilings_holds(jobs_own: float | None, of_its_class: float | None, fits: bool) -> None:
    job = JobFacts(input_tokens=900, output_tokens=100, max_cost_usd=jobs_own)
    why = unfit_because(model(price=PRICE), job, max_cost_usd=of_its_class)
    assert (why is None) == fits
    if why:
        lower = min(usd for usd in (jobs_own, of_its_class) if usd is not None)
        assert why == f"about $0.002600 is more than the maximum cost ${lower:.6f}"


def test_nobody_can_promise_the_cost_of_a_model_without_a_price() -> None:
    dear = "has no price, and the job a maximum cost"
    assert unfit_because(model(), JobFacts(max_cost_usd=1.0)) == dear
    assert unfit_because(model(), JobFacts(), max_cost_usd=1.0) == dear
    assert unfit_because(model(), JobFacts()) is None
