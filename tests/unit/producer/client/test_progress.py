"""Counting jobs: what is told of them, and how rate and remaining time follow."""

from __future__ import annotations

from pointsman.producer.client.progress import RATE_SECONDS, Tally


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_rate_is_that_of_the_last_seconds() -> None:
    clock = Clock()
    tally = Tally(1000, clock)
    assert tally.progress().seconds_left is None
    for _ in range(100):
        tally.add(succeeded=True, cost_usd=0.5)
        clock.now += 1
        seen = tally.progress()
    assert (seen.jobs_per_second, seen.cost_usd, seen.seconds, seen.ended) == (1.0, 50.0, 100.0, 100)
    assert seen.seconds_left == 900.0
    clock.now += RATE_SECONDS
    tally.progress()
    clock.now += RATE_SECONDS
    assert tally.progress().jobs_per_second == 0.0


def test_what_had_ended_before_counts_for_no_rate() -> None:
    clock = Clock()
    tally = Tally(100, clock)
    tally.add(succeeded=False, cost_usd=None)
    tally.progress()
    clock.now += 10
    seen = tally.progress()
    assert (seen.failed, seen.jobs_per_second, seen.seconds_left) == (1, 0.0, None)


def test_the_marks_do_not_grow() -> None:
    clock = Clock()
    tally = Tally(None, clock)
    for _ in range(100_000):
        clock.now += 0.01
        tally.progress()
    assert len(tally._marks) < 100
    assert tally.progress().seconds_left is None
