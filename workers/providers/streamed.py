"""Reads one streamed reply in any wire format: events in, pieces of text out, and in the end an ordinary body."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import CallFailed
from .json_path import alone, dig, words
from .reply import is_simulated
from .wire import WireFormat

STATUSES: Mapping[str, int] = {
    "invalid_request_error": 400,
    "context_length_exceeded": 400,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "insufficient_quota": 429,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "requests": 429,
    "tokens": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""The status that an error of this code or type has at OpenAI and Anthropic where no stream has begun."""

OTHERWISE = 500


class StreamedReply:
    """Takes the events of one reply, parsed, or as text where they are not JSON."""

    def __init__(self, wire: WireFormat) -> None:
        self._wire, self._reader = wire, wire.reader()
        self._simulated = False

    def take(self, event: Any) -> str | None:
        """Return the piece of the answer's text in an event, None where no other event is to come.

        Raises CallFailed where the event tells of an error, or cannot be understood.
        """
        error = dig(alone(event), "error")
        if error:
            raise self._failed(event, error)
        self._simulated = self._simulated or is_simulated(event)
        return self._reader.take(event)

    def _failed(self, event: Any, error: Any) -> CallFailed:
        meaning = self._wire.error(_status(error), {}, event)
        return CallFailed(meaning.kind, meaning.message, retry_after=meaning.retry_after)

    def body(self) -> Any:
        """Return the body that the reply would have had without a stream.

        Its text is all pieces, one after the other. Raises CallFailed (`bad_response`) where the end is missing.
        """
        return {**self._reader.body(), "simulated": self._simulated}


def _status(error: Any) -> int:
    """Return the HTTP status that the error says, or would have come with."""
    code = dig(error, "code")
    if isinstance(code, int) and 400 <= code < 600:
        return code
    named = words(code, dig(error, "type"))
    return next((STATUSES[word] for word in named if word in STATUSES), OTHERWISE)
