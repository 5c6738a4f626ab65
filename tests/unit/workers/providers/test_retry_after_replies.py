"""Whole error replies of each vendor, with their headers: what they mean, and how long they ask us to wait."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.router.vocabulary.errors import ErrorKind
from pointsman.workers.providers import FORMATS

NOON = {"Date": "Tue, 24 Nov 2026 12:00:00 GMT"}
FIVE_PAST = {"Retry-After": "Tue, 24 Nov 2026 12:05:00 GMT"}

TOO_FAST = {"error": {"message": "no", "type": "requests", "param": None, "code": "rate_limit_exceeded"}}
NO_MONEY = {"error": {"message": "no", "type": "insufficient_quota", "param": None, "code": "insufficient_quota"}}


def _anthropic(kind: str, error_code: str | None = None) -> dict[str, Any]:
    details = {"error_code": error_code} if error_code else None
    return {"type": "error", "error": {"type": kind, "message": "no", "details": details}, "request_id": "r"}


def _gemini(status: str, *details: dict[str, Any]) -> dict[str, Any]:
    return {"error": {"code": 0, "message": "no", "status": status, "details": list(details)}}


def _retry(delay: Any) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


def _quota(quota_id: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": quota_id}]}


PER_MINUTE, PER_DAY = _quota("GenerateRequestsPerMinutePerProject"), _quota("GenerateRequestsPerDayPerProject")
EXHAUSTED = "RESOURCE_EXHAUSTED"

REPLIES = [
    ("openai", 429, {"retry-after": "20"}, TOO_FAST, ErrorKind.RATE_LIMITED, 20.0),
    ("openai", 429, {"retry-after": "7.66"}, TOO_FAST, ErrorKind.RATE_LIMITED, 7.66),
    ("openai", 429, {"retry-after-ms": "1500", "retry-after": "2"}, TOO_FAST, ErrorKind.RATE_LIMITED, 1.5),
    ("openai", 429, FIVE_PAST | NOON, TOO_FAST, ErrorKind.RATE_LIMITED, 300.0),
    ("openai", 429, {"retry-after": "259200"}, TOO_FAST, ErrorKind.RATE_LIMITED, 259_200.0),
    ("openai", 429, {}, TOO_FAST, ErrorKind.RATE_LIMITED, None),
    ("openai", 429, {"retry-after": "20"}, "upstream connect error", ErrorKind.RATE_LIMITED, 20.0),
    ("openai", 429, {"retry-after": "20"}, "", ErrorKind.RATE_LIMITED, 20.0),
    ("openai", 429, {"retry-after": "20"}, NO_MONEY, ErrorKind.QUOTA_EXHAUSTED, 20.0),
    ("openai", 503, {"retry-after": "5"}, "<html>busy</html>", ErrorKind.OVERLOADED, 5.0),
    ("openai", 500, {"retry-after": "5"}, {}, ErrorKind.SERVER_ERROR, 5.0),
    ("anthropic", 429, {"retry-after": "43"}, _anthropic("rate_limit_error"), ErrorKind.RATE_LIMITED, 43.0),
    (
        "anthropic", 429, {"retry-after": "9"}, _anthropic("rate_limit_error", "ramp_limit_exceeded"),
        ErrorKind.RATE_LIMITED, 9.0,
    ),
    (
        "anthropic", 429, {}, _anthropic("rate_limit_error", "enforced_spend_limit_reached"),
        ErrorKind.QUOTA_EXHAUSTED, None,
    ),
    ("anthropic", 529, {}, _anthropic("overloaded_error"), ErrorKind.OVERLOADED, None),
    ("anthropic", 529, {"Retry-After": "3"}, _anthropic("overloaded_error"), ErrorKind.OVERLOADED, 3.0),
    ("anthropic", 529, FIVE_PAST | NOON, "not even JSON", ErrorKind.OVERLOADED, 300.0),
    ("gemini", 429, {}, _gemini(EXHAUSTED, PER_MINUTE, _retry("46s")), ErrorKind.RATE_LIMITED, 46.0),
    ("gemini", 429, {"retry-after": "1"}, _gemini(EXHAUSTED, _retry("46s")), ErrorKind.RATE_LIMITED, 46.0),
    ("gemini", 429, {}, _gemini(EXHAUSTED, _retry("38.074824224s")), ErrorKind.RATE_LIMITED, 38.074824224),
    ("gemini", 429, {}, _gemini(EXHAUSTED, _retry("21599s")), ErrorKind.RATE_LIMITED, 21_599.0),
    ("gemini", 429, {}, _gemini(EXHAUSTED, _retry("5h59m59s")), ErrorKind.RATE_LIMITED, 21_599.0),
    ("gemini", 429, {}, _gemini(EXHAUSTED, _retry("900ms")), ErrorKind.RATE_LIMITED, 0.9),
    ("gemini", 429, {"retry-after": "7"}, _gemini(EXHAUSTED, _retry("soon")), ErrorKind.RATE_LIMITED, 7.0),
    ("gemini", 429, {}, _gemini(EXHAUSTED, PER_DAY, _retry("36s")), ErrorKind.QUOTA_EXHAUSTED, 36.0),
    ("gemini", 429, {}, [_gemini(EXHAUSTED, PER_DAY, _retry("36s"))], ErrorKind.QUOTA_EXHAUSTED, 36.0),
    ("gemini", 503, {}, _gemini("UNAVAILABLE", _retry("2s")), ErrorKind.OVERLOADED, 2.0),
]  # fmt: skip


@pytest.mark.parametrize(("vendor", "status", "headers", "body", "kind", "wait"), REPLIES)
def test_an_error_reply_has_its_meaning_and_its_wait(
    vendor: str, status: int, headers: dict[str, str], body: Any, kind: ErrorKind, wait: float | None
) -> None:
    meaning = FORMATS[vendor].error(status, headers, body)
    assert (meaning.kind, meaning.retry_after) == (kind, pytest.approx(wait) if wait is not None else None)


def test_a_wait_is_passed_on_however_long() -> None:
    for wire in FORMATS.values():
        assert wire.error(429, {"Retry-After": "7200"}, {}).retry_after == 7200
