"""Reads how long a vendor asks us to wait: two headers, and the RetryInfo of Google's error bodies."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from .duration import seconds_of
from .json_path import dig, objects


def from_headers(headers: Mapping[str, str]) -> float | None:
    """Return the wait in seconds, however long; None where the headers say nothing usable.

    An HTTP date counts from the reply's own Date, so that the clocks of the two hosts need not agree.
    """
    named = {name.lower(): value for name, value in headers.items()}
    milliseconds = _seconds(named.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    value = named.get("retry-after", "")
    seconds = _seconds(value)
    return seconds if seconds is not None else _until(value, now=date_of(named.get("date", "")))


def from_google_details(details: Any) -> float | None:
    """Return the `retryDelay` of a google.rpc.RetryInfo in seconds, None where there is none."""
    for detail in objects(details):
        delay = dig(detail, "retryDelay")
        seconds = seconds_of(delay) if isinstance(delay, str) else None
        if seconds is not None:
            return seconds
    return None


def _seconds(value: str) -> float | None:
    try:
        seconds = float(value)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _until(value: str, *, now: datetime | None) -> float | None:
    then = date_of(value)
    if then is None:
        return None
    return max(0.0, (then - (now or datetime.now(UTC))).total_seconds())


def date_of(value: str) -> datetime | None:
    """Return an HTTP date, None where there is none."""
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
