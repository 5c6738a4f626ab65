"""Errors as Anthropic's API tells them: a status, a type that follows from it, and a code among the details."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..openai import Fault

TYPES: Mapping[int, str] = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}

STATUSES: Mapping[str, int] = {"server_overloaded": 529}
"""Codes of OpenAI's that have a status of their own here."""

CODES: Mapping[str, str] = {"insufficient_quota": "enforced_spend_limit_reached"}
"""Codes of OpenAI's that have a name here; the others are the same."""


def error_reply(fault: Fault, request_id: str) -> tuple[int, dict[str, Any]]:
    """Return the status and the body of a reply."""
    status = STATUSES.get(fault.code or "", fault.status)
    message = fault.message
    if fault.param and fault.param not in message:
        message = f"{fault.param}: {message}"
    error: dict[str, Any] = {"type": TYPES.get(status, _type(status)), "message": message}
    if fault.code:
        error["details"] = {"error_code": CODES.get(fault.code, fault.code)}
    return status, {"type": "error", "error": error, "request_id": request_id}


def _type(status: int) -> str:
    return "invalid_request_error" if status < 500 else "api_error"
