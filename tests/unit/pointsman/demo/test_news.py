"""What changed between two looks, in words."""

from __future__ import annotations

from pointsman.demo.news import changes
from tests.support.demo_records import attempt, record, view


def test_the_news_say_what_failed_what_broke_and_what_moved_once_each() -> None:
    waits = record(attempt("a", "server_error"), state="pending")
    moves = record(attempt("a", "server_error"), state="running", model="b")
    opened = view("a", "open", "breaker open: 4 of 7 calls failed; probed in 2.0 s")
    first = list(changes([record(state="bound", model="a")], [waits], [view("a")], [opened]))
    assert first == [
        "a failed (server_error): job 1 waits again",
        "a takes nothing now: breaker open: 4 of 7 calls failed",
    ]
    assert list(changes([waits], [moves], [opened], [view("a", "half_open")])) == [
        "a is tried with one job (breaker half-open)",
        "job 1 moved from a to b",
    ]
    assert list(changes([moves], [moves], [view("a")], [view("a")])) == []


def test_the_news_say_whom_nobody_trusts_and_who_answers_again() -> None:
    suspect = view("a", status="suspect: 5 faults in a row; probed with one job in 4.0 s")
    assert list(changes([], [], [view("a")], [suspect])) == ["a is suspect: 5 faults in a row"]
    assert list(changes([], [], [suspect], [view("a")])) == ["a answers again: it takes jobs as before"]


def test_many_jobs_at_once_are_one_piece_of_news() -> None:
    lost = record(attempt("a", "worker_lost"), state="pending")
    assert list(changes([], [lost] * 3, [], [])) == [
        "a lease at a ran out (worker_lost): jobs 1, 2 and 3 wait again"
    ]
    assert "9 jobs wait again" in next(changes([], [lost] * 9, [], []))
