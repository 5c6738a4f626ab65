"""What fails for now is tried again, for as long as the caller has patience."""

from __future__ import annotations

import pytest

import pointsman.producer.client.retry
from pointsman.producer.client.retry import with_retries
from pointsman.producer.errors import ApiUnavailable
from pointsman.router.vocabulary.errors import StoreUnavailable


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
