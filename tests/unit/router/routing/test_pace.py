"""An even pace over the minute, but for a burst of a tenth of the limit."""

from __future__ import annotations

import pytest

from pointsman.router.routing.pace import EVEN, MINUTE_MS, Pace, pace_at, paced_because, raised, wait_for_turn_ms
from pointsman.router.vocabulary.model import Limits

LIMITS = Limits(requests_per_minute=600, tokens_per_minute=60_000)


def test_levels_sink_by_the_limit_in_a_minute_and_no_further_than_to_nothing() -> None:
    assert pace_at(MINUTE_MS // 2, 400, 20_000, 0, LIMITS) == Pace(100, 0)


def test_a_level_of_the_future_is_none_for_the_clock_was_set_back() -> None:
    assert pace_at(1000, 400, 40_000, 2000, LIMITS) == EVEN


@pytest.mark.parametrize("limits", [Limits(requests_per_minute=600, smooth=False), Limits()])
def test_what_is_not_paced_never_waits(limits: Limits) -> None:
    pace = raised(EVEN, 100, lasts_ms=MINUTE_MS, used_requests=599, used_tokens=0, limits=limits)
    assert pace == EVEN
    assert wait_for_turn_ms(pace, limits) == 0


@pytest.mark.parametrize(("requests", "waits"), [(59.9, 0), (60, 50), (61, 103), (70, 1018)])
def test_who_is_at_the_burst_waits_until_below_it_and_a_little_at_least(requests: float, waits: int) -> None:
    assert wait_for_turn_ms(Pace(requests), LIMITS) == waits


def test_a_small_limit_has_a_burst_of_one() -> None:
    assert wait_for_turn_ms(Pace(0.9), Limits(requests_per_minute=2)) == 0
    assert wait_for_turn_ms(Pace(1), Limits(requests_per_minute=2)) == 50


def test_the_words_name_the_limit_that_is_waited_for() -> None:
    assert paced_because(Pace(59, 5_999), LIMITS) is None
    by_requests, by_tokens = paced_because(Pace(90, 7_000), LIMITS), paced_because(Pace(1, 12_000), LIMITS)
    assert by_requests == "600 requests per minute are spread over the minute: the next in 3.1 s"
    assert by_tokens == "60000 tokens per minute are spread over the minute: the next in 6.1 s"


def test_what_is_left_of_the_minute_is_stretched_after_a_burst() -> None:
    early = raised(EVEN, 0, lasts_ms=MINUTE_MS, used_requests=60, used_tokens=0, limits=LIMITS)
    assert early.requests == pytest.approx(1 / 0.9)
    even = raised(EVEN, 0, lasts_ms=100, used_requests=300, used_tokens=0, limits=LIMITS)
    assert even.requests == 1
    nearly_used_up = raised(EVEN, 0, lasts_ms=MINUTE_MS, used_requests=599, used_tokens=0, limits=LIMITS)
    assert nearly_used_up.requests == 2
