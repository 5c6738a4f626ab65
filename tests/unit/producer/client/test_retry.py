"""What fails for now is tried again, for as long as the caller has patience."""

from __future__ import annotations

import pytest

import pointsman.producer.client.retry
from pointsman.producer.client.retry import delay_seconds, with_retries
from pointsman.producer.errors import ApiUnavailable
from pointsman.router.vocabulary.errors import StoreUnavailable, UnknownJob


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Notes how long patience would have slept, and does not sleep."""
    seconds: list[float] = []

    async def sleep(delay: float) -> None:
        seconds.append(delay)

    monkeypatch.setattr(pointsman.producer.client.retry.asyncio, "sleep", sleep)
    return seconds


async def test_what_fails_for_now_is_tried_again(slept: list[float]) -> None:
    outcomes: list[Exception | str] = [StoreUnavailable("away"), ApiUnavailable("away", retry_after=2), "here"]

    async def ask() -> str:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    assert await with_retries(ask, retries=4) == "here"
    assert 0.1 <= slept[0] <= 0.2
    assert slept[1] == 2.0


async def test_patience_ends(slept: list[float]) -> None:
    async def ask() -> str:
        raise StoreUnavailable("away")

    with pytest.raises(StoreUnavailable):
        await with_retries(ask, retries=3)
    assert len(slept) == 3


async def test_without_further_tries_there_is_one(slept: list[float]) -> None:
    asked = []

    async def ask() -> str:
        asked.append(True)
        raise StoreUnavailable("away")

    with pytest.raises(StoreUnavailable):
        await with_retries(ask, retries=0)
    assert (len(asked), slept) == (1, [])


async def test_what_is_wrong_for_good_is_not_tried_again(slept: list[float]) -> None:
    async def ask() -> str:
        raise UnknownJob("job-1")

    with pytest.raises(UnknownJob):
        await with_retries(ask, retries=3)
    assert slept == []


async def test_trouble_is_told_in_words_and_taken_back_when_it_is_over(slept: list[float]) -> None:
    outcomes, told = [StoreUnavailable("away"), StoreUnavailable("still away")], list[str]()

    async def ask() -> str:
        if outcomes:
            raise outcomes.pop(0)
        return "here"

    assert await with_retries(ask, retries=4, on_trouble=told.append) == "here"
    assert told == ["away", "still away", ""]


@pytest.mark.parametrize(("attempt", "whole"), [(0, 0.2), (1, 0.4), (2, 0.8), (4, 3.2), (5, 5.0), (60, 5.0)])
def test_each_wait_is_up_to_twice_the_last_one_and_five_seconds_at_most(attempt: int, whole: float) -> None:
    waits = [delay_seconds(attempt, StoreUnavailable("away")) for _ in range(300)]
    assert whole / 2 <= min(waits) <= max(waits) <= whole
    if attempt < 5:
        assert min(waits) < 0.55 * whole
        assert max(waits) > 0.95 * whole


@pytest.mark.parametrize(("asked_for", "waited"), [(2.0, 2.0), (4.9, 4.9), (60.0, 5.0)])
def test_the_api_says_how_long_to_wait_within_bounds(asked_for: float, waited: float) -> None:
    assert delay_seconds(0, ApiUnavailable("away", retry_after=asked_for)) == waited


def test_a_wait_that_the_api_asks_for_does_not_shorten_the_backoff() -> None:
    assert delay_seconds(4, ApiUnavailable("away", retry_after=0.1)) >= 1.6
