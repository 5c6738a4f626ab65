"""A burst as measured and as computed, with figures worked out by hand."""

from __future__ import annotations

from pointsman.demo.burst import Spell, bound_at_submit, call_seconds, measured
from tests.support.demo_records import attempt, record


def test_bound_at_submit_a_slow_model_keeps_the_jobs_that_were_dealt_to_it() -> None:
    both = [("quick", "slow")] * 4
    spell = bound_at_submit(both, slots={"quick": 1, "slow": 1}, seconds={"quick": 1.0, "slow": 5.0})
    assert spell == Spell(10.0, (1 + 2 + 5 + 10) / 4)


def test_bound_at_submit_counts_jobs_per_slot_and_keeps_to_the_candidates() -> None:
    jobs = [("wide", "narrow")] * 3 + [("narrow",)]
    spell = bound_at_submit(jobs, slots={"wide": 2, "narrow": 1}, seconds={"wide": 1.0, "narrow": 3.0})
    assert spell == Spell(6.0, (1 + 3 + 1 + 6) / 4)


def test_a_burst_is_measured_from_its_first_submit_and_failed_calls_are_no_measure_of_speed() -> None:
    burst = [
        record(attempt("a", started=1, ended=3), submitted=1.0, finished=3.0),
        record(
            attempt("b", "server_error", ended=0.1), attempt("a", started=3, ended=7), finished=7.0, submitted=1.5
        ),
    ]
    assert measured(burst) == Spell(6.0, 4.0)
    assert call_seconds(burst) == {"a": 3.0}
