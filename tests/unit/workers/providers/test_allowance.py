"""What a vendor says is left of its limits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pointsman.router.vocabulary.allowance import Allowance, Left
from pointsman.workers.providers import FORMATS
from pointsman.workers.providers.allowance import from_anthropic, from_openai

NOON = "Tue, 24 Nov 2026 12:00:00 GMT"


def openai(remaining: str, reset: str, **more: str) -> dict[str, str]:
    return {"x-ratelimit-remaining-requests": remaining, "x-ratelimit-reset-requests": reset, **more}


def anthropic(what: str, remaining: str, reset: str) -> dict[str, str]:
    named = {"limit": "1000", "remaining": remaining, "reset": reset}
    return {f"anthropic-ratelimit-{what}-{name}": value for name, value in named.items()}


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [
        ("12ms", 0.012),
        ("1s", 1.0),
        ("6m0s", 360.0),
        ("7.66s", 7.66),
        ("1h2m3.5s", 3723.5),
        ("24h0m0s", 86_400.0),
        ("2m59.56s", 179.56),
        ("500µs", 0.0005),
        ("0s", 0.0),
        ("0", 0.0),
        ("33011.38", 33_011.38),
    ],
)
def test_a_duration_is_read_as_go_writes_it(reset: str, seconds: float) -> None:
    left = from_openai(openai("3", reset)).requests
    assert left is not None
    assert (left.count, left.seconds) == (3, pytest.approx(seconds))


def test_requests_and_tokens_are_read_apart_and_names_in_any_case() -> None:
    headers = {
        "X-RateLimit-Limit-Requests": "500",
        "X-RateLimit-Remaining-Requests": " 499 ",
        "X-RateLimit-Reset-Requests": "120ms",
        "X-RateLimit-Limit-Tokens": "30000",
        "X-RateLimit-Remaining-Tokens": "0",
        "X-RateLimit-Reset-Tokens": "60s",
    }
    assert from_openai(headers) == Allowance(Left(499, 0.12), Left(0, 60.0))


@pytest.mark.parametrize(
    ("remaining", "reset"),
    [
        ("-1", "1s"),
        ("3", "-1"),
        ("3", ""),
        ("", "1s"),
        ("many", "1s"),
        ("nan", "1s"),
        ("1e9", "1s"),
        ("3", "soon"),
        ("3", "1s later"),
        ("3", "1 s"),
        ("3", "1x"),
        ("3", "1764072000"),  # an instant, not a duration
        ("3", "9999h"),
        ("3", "9" * 400 + "s"),
        ("3", "1s" * 5000),
        ("9" * 400, "1s"),
        ("٣", "1s"),
        ("3", "٣s"),
    ],
)
def test_what_makes_no_sense_is_ignored(remaining: str, reset: str) -> None:
    assert from_openai(openai(remaining, reset)) == Allowance()


@pytest.mark.parametrize("limit", ["0", "-1", "", "unlimited"])
def test_where_nothing_is_limited_nothing_is_left_out(limit: str) -> None:
    headers = openai("0", "1s", **{"x-ratelimit-limit-requests": limit})
    assert from_openai(headers) == Allowance()


def test_absurdly_many_are_cut_to_what_redis_can_count() -> None:
    assert from_openai(openai("9" * 20, "1s")).requests == Left(10**12, 1.0)


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [
        ("2026-11-24T12:00:30Z", 30.0),
        ("2026-11-24T12:00:30.250Z", 30.25),
        ("2026-11-24T14:00:30+02:00", 30.0),
        ("2026-11-24T12:00:30", 30.0),
        ("2026-11-24T11:59:00Z", 0.0),
    ],
)
def test_a_reset_at_a_time_counts_from_the_replys_own_date(reset: str, seconds: float) -> None:
    headers = {"Date": NOON, **anthropic("requests", "7", reset)}
    assert from_anthropic(headers) == Allowance(requests=Left(7, seconds))


def test_without_a_date_a_reset_counts_from_now() -> None:
    later = (datetime.now(UTC) + timedelta(seconds=100)).isoformat()
    left = from_anthropic(anthropic("requests", "7", later)).requests
    assert left is not None
    assert left.seconds == pytest.approx(100, abs=2)


@pytest.mark.parametrize("reset", ["", "soon", "30s", "2036-11-24T12:00:00Z", "2026-13-99T12:00:00Z", "0001-01-01"])
def test_a_time_that_makes_no_sense_is_ignored(reset: str) -> None:
    left = from_anthropic({"date": NOON, **anthropic("requests", "7", reset)}).requests
    assert left is None or left.seconds == 0


def test_of_all_kinds_of_tokens_the_fewest_count() -> None:
    headers = {
        "date": NOON,
        **anthropic("tokens", "90000", "2026-11-24T12:00:05Z"),
        **anthropic("input-tokens", "80000", "2026-11-24T12:00:06Z"),
        **anthropic("output-tokens", "2000", "2026-11-24T12:00:07Z"),
    }
    assert from_anthropic(headers).tokens == Left(2000, 7.0)


def test_of_equally_few_tokens_the_later_reset_counts() -> None:
    soon, late = "2026-11-24T12:00:05Z", "2026-11-24T12:00:06Z"
    headers = {"date": NOON, **anthropic("tokens", "0", soon), **anthropic("input-tokens", "0", late)}
    assert from_anthropic(headers).tokens == Left(0, 6.0)


@pytest.mark.parametrize("headers", [{}, {"date": "yesterday"}, {"x-ratelimit-remaining-requests": "3"}])
def test_no_header_is_nothing(headers: dict[str, str]) -> None:
    for wire in FORMATS.values():
        assert wire.allowance(headers) == Allowance()


def test_each_format_reads_its_own_headers() -> None:
    headers = openai("3", "1s") | {"date": NOON} | anthropic("requests", "7", "2026-11-24T12:00:30Z")
    assert FORMATS["openai"].allowance(headers) == Allowance(requests=Left(3, 1.0))
    assert FORMATS["anthropic"].allowance(headers) == Allowance(requests=Left(7, 30.0))
    assert FORMATS["gemini"].allowance(headers) == Allowance()
