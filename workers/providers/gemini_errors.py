"""What Gemini's error replies mean: google.rpc.Status with typed details."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from router.errors import ErrorKind

BY_RPC_STATUS: Mapping[str, ErrorKind] = {
    "UNAUTHENTICATED": ErrorKind.AUTH,
    "PERMISSION_DENIED": ErrorKind.AUTH,
    "RESOURCE_EXHAUSTED": ErrorKind.RATE_LIMITED,
    "UNAVAILABLE": ErrorKind.OVERLOADED,
    "DEADLINE_EXCEEDED": ErrorKind.TIMEOUT,
    "INTERNAL": ErrorKind.SERVER_ERROR,
}

BY_STATUS: Mapping[int, ErrorKind] = {
    401: ErrorKind.AUTH,
    402: ErrorKind.QUOTA_EXHAUSTED,
    403: ErrorKind.AUTH,
    408: ErrorKind.TIMEOUT,
    429: ErrorKind.RATE_LIMITED,
    503: ErrorKind.OVERLOADED,
    504: ErrorKind.TIMEOUT,
}

TOO_LONG = re.compile(r"token count.*exceeds|exceeds the maximum number of tokens", re.IGNORECASE)


def error_kind(status: int, fields: Mapping[str, Any], message: str) -> ErrorKind:
    """Return the kind of an error reply."""
    if _has_reason(fields, "API_KEY_INVALID") or "API key not valid" in message:
        return ErrorKind.AUTH
    kind = BY_RPC_STATUS.get(str(fields.get("status") or "")) or BY_STATUS.get(status)
    if kind is ErrorKind.RATE_LIMITED and _daily_quota(fields):
        return ErrorKind.QUOTA_EXHAUSTED
    if kind is not None:
        return kind
    if status >= 500:
        return ErrorKind.SERVER_ERROR
    return ErrorKind.CONTEXT_TOO_LONG if TOO_LONG.search(message) else ErrorKind.INVALID_REQUEST


def retry_delay(fields: Mapping[str, Any]) -> float | None:
    """Return the wait in seconds of a google.rpc.RetryInfo, such as "46s" or "0.5s"."""
    for detail in _details(fields):
        found = re.fullmatch(r"(\d+(?:\.\d+)?)s", str(detail.get("retryDelay") or ""))
        if found:
            return float(found.group(1))
    return None


def _details(fields: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    details = fields.get("details")
    for detail in details if isinstance(details, list) else []:
        if isinstance(detail, dict):
            yield detail


def _has_reason(fields: Mapping[str, Any], reason: str) -> bool:
    return any(detail.get("reason") == reason for detail in _details(fields))


def _daily_quota(fields: Mapping[str, Any]) -> bool:
    """Whether a quota that lasts a day is used up: waiting a minute does not help."""
    for detail in _details(fields):
        violations = detail.get("violations")
        for violation in violations if isinstance(violations, list) else []:
            if isinstance(violation, dict) and "PerDay" in str(violation.get("quotaId") or ""):
                return True
    return False
