"""What follows from a receiver's reply."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from pointsman.router.vocabulary.webhook import JITTER
from pointsman.workers.webhooks.outcome import (
    Delivered,
    DeliveryGivenUp,
    DeliveryOutcome,
    Impossible,
    ReceiverReply,
    Replied,
    Silent,
    TryAgain,
    judge,
)

WAITS = (5.0, 300.0)


def judged(answer: ReceiverReply, tries: int = 0) -> DeliveryOutcome:
    return judge(answer, tries=tries, waits_seconds=WAITS, random=Random(1))


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_success_is_a_delivery(status: int) -> None:
    assert judged(Replied(status)) == Delivered()


@pytest.mark.parametrize(
    "answer",
    [*(Replied(status) for status in (301, 302, 307, 400, 401, 404, 408, 429, 500, 502, 503, 599)), Silent("why")],
)
@pytest.mark.parametrize("tries", [0, 1])
def test_what_failed_is_tried_again_a_little_after_its_wait(answer: Any, tries: int) -> None:
    outcome = judged(answer, tries)
    assert isinstance(outcome, TryAgain)
    assert WAITS[tries] <= outcome.wait_seconds <= WAITS[tries] * (1 + JITTER)


@pytest.mark.parametrize("answer", [Replied(500), Replied(429, retry_after=1.0), Silent("why")])
def test_after_the_last_wait_it_is_given_up(answer: Any) -> None:
    assert isinstance(judged(answer, 2), DeliveryGivenUp)


@pytest.mark.parametrize("answer", [Replied(410), Impossible("its address is refused")])
def test_what_can_never_be_delivered_is_given_up_at_once(answer: Any) -> None:
    assert isinstance(judged(answer), DeliveryGivenUp)


@pytest.mark.parametrize(
    ("status", "asked", "wait"),
    [(429, 60.0, 60.0), (503, 60.0, 60.0), (503, 1e9, 86_400.0), (500, 60.0, 5.0), (429, 0.5, 5.0)],
)
def test_a_receiver_that_asks_for_time_gets_it(status: int, asked: float, wait: float) -> None:
    outcome = judged(Replied(status, asked))
    assert isinstance(outcome, TryAgain)
    assert wait <= outcome.wait_seconds <= max(wait, 5.0 * (1 + JITTER))
