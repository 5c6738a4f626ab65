"""The benchmarks' counts: what a table says of others must be right."""

from __future__ import annotations

import pytest

from benchmarks.kill_workers import seconds_until_run_again
from benchmarks.llm_server import ANSWERED, CUT, REFUSED, Call
from benchmarks.report import table
from benchmarks.retry_after import RETRY_AFTER, too_early


def call(job: str, arrived: float, ended: float, how: str = ANSWERED) -> Call:
    return Call(job, "", arrived, ended, how)


def test_the_seconds_until_a_job_runs_again_count_from_the_kill_that_cut_its_call() -> None:
    calls = [
        call("a", 0.0, 10.01, CUT),
        call("b", 9.0, 12.01, CUT),
        call("a", 15.0, 16.0),
        call("b", 30.0, 31.0),
        call("c", 30.0, 31.0),
    ]
    assert sorted(seconds_until_run_again(calls, [10.0, 12.0])) == pytest.approx([5.0, 18.0])


def test_a_job_that_never_ran_again_has_no_seconds() -> None:
    assert seconds_until_run_again([call("a", 0.0, 1.0, CUT)], [1.0]) == []


def test_calls_under_way_when_the_first_refusal_was_sent_are_not_too_early() -> None:
    assert too_early([call("a", 1.0, 1.1, REFUSED), call("b", 1.05, 1.2, REFUSED)]) == []


def test_every_call_before_the_end_of_the_latest_wait_is_too_early() -> None:
    calls = [
        call("a", 1.0, 1.1, REFUSED),
        call("b", 2.0, 2.1, REFUSED),
        call("c", 1.1 + RETRY_AFTER + 0.5, 99.0),
        call("d", 2.1 + RETRY_AFTER + 0.5, 99.0),
    ]
    assert too_early(calls) == pytest.approx([0.9, RETRY_AFTER + 0.5])


def test_a_table_shows_a_missing_figure_as_a_dash() -> None:
    assert table([{"queue": "x", "again_max": None}]).splitlines()[-1] == "| x     | -         |"
