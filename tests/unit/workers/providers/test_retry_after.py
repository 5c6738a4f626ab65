"""How long a vendor asks us to wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from pointsman.workers.providers.retry_after import from_google_details, from_headers

NOON = "Tue, 24 Nov 2026 12:00:00 GMT"
RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"Retry-After": " 2.5 "}, 2.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "86400"}, 86_400.0),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "1"}, 1.0),
        ({"retry-after": "Tue, 24 Nov 2026 12:05:00 GMT", "date": NOON}, 300.0),
        ({"retry-after": "Tue, 24 Nov 2026 14:05:00 +0200", "date": NOON}, 300.0),
        ({"retry-after": "Tue, 24 Nov 2026 11:00:00 GMT", "date": NOON}, 0.0),
    ],
)
def test_a_wait_is_read_whatever_its_form_and_size(headers: dict[str, str], seconds: float) -> None:
    assert from_headers(headers) == seconds


@pytest.mark.parametrize(
    "value", ["", "soon", "-1", "nan", "inf", "1e999", "24 Nov", "Tue, 99 Nov 2026 12:00:00 GMT"]
)
def test_a_wait_that_makes_no_sense_is_none(value: str) -> None:
    assert from_headers({"retry-after": value, "retry-after-ms": value}) is None


def test_no_header_is_none() -> None:
    assert from_headers({}) is None


def test_a_date_counts_from_now_where_the_reply_has_no_date() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    assert from_headers({"retry-after": later}) == pytest.approx(100, abs=2)


@pytest.mark.parametrize(("delay", "seconds"), [("46s", 46.0), ("0.5s", 0.5), ("21599.96s", 21_599.96)])
def test_google_says_its_wait_in_the_body(delay: str, seconds: float) -> None:
    details = [{"@type": "x"}, {"@type": RETRY_INFO, "retryDelay": delay}]
    assert from_google_details(details) == seconds


@pytest.mark.parametrize("details", [None, "46s", [], [None], [{"retryDelay": 46}], [{"retryDelay": "-1s"}]])
def test_google_details_without_a_wait_are_none(details: object) -> None:
    assert from_google_details(details) is None
