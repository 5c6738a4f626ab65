"""What the demo counts, from records and a ledger made by hand."""

from __future__ import annotations

import pytest

from pointsman.demo.summary import Tally, summary_lines, tally
from pointsman.router.vocabulary.job import JobRecord
from pointsman.simulated.ledger import prompt_hash
from tests.support.demo_records import attempt, record

FIVE_LINES = ("done", "moved", "lost", "paid twice", "cost")


def count(*records: JobRecord | None, paid: list[int] | None = None) -> Tally:
    prompts = [f"prompt {at}" for at in range(len(records))]
    ledger = None if paid is None else {prompt_hash(f"prompt {at}"): times for at, times in enumerate(paid)}
    return tally(prompts, records, ledger)


def test_a_job_that_one_model_failed_and_another_answered_has_moved() -> None:
    counted = count(
        record(attempt("a", "server_error"), attempt("b")),
        record(attempt("a", "server_error"), attempt("a")),
        record(attempt("a")),
    )
    assert (counted.done, counted.moved, dict(counted.left)) == (3, 1, {"a": 1})
    there_and_on = record(attempt("a", "server_error"), attempt("b", "worker_lost"), attempt("b"))
    assert (count(there_and_on).moved, dict(count(there_and_on).left)) == (1, {"a": 1})


def test_a_job_that_is_gone_or_has_no_end_is_lost() -> None:
    counted = count(None, record(attempt("a"), state="running"), record(attempt("a")), paid=[1, 1, 1])
    assert (counted.lost, counted.done) == (2, 1)
    assert not counted.as_promised


def test_what_a_killed_worker_had_in_flight_is_counted_as_paid_twice_and_explained() -> None:
    counted = count(record(attempt("a", "worker_lost"), attempt("b")), record(attempt("a")), paid=[2, 1])
    assert (counted.paid_again, counted.unexplained) == (1, 0)
    assert counted.as_promised
    [line] = [line for line in summary_lines(counted) if line.startswith("paid twice")]
    assert line == "paid twice  1 (1 in flight in the killed worker, 0 for any other reason)"


def test_an_answer_paid_twice_without_a_reason_breaks_the_promise() -> None:
    counted = count(record(attempt("a", "worker_lost"), attempt("b")), record(attempt("a")), paid=[3, 2])
    assert (counted.paid_again, counted.unexplained) == (3, 2)
    assert not counted.as_promised


@pytest.mark.parametrize("paid", [None, [1], [2]])
def test_the_summary_has_five_lines_of_eighty_columns(paid: list[int] | None) -> None:
    lines = list(summary_lines(count(record(attempt("gpt-4", "worker_lost"), attempt("claude")), paid=paid)))
    assert len(lines) == len(FIVE_LINES)
    assert all(line.startswith(word) for line, word in zip(lines, FIVE_LINES, strict=True))
    assert max(map(len, lines)) <= 80
