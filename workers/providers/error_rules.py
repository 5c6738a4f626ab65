"""Says what an error reply means: the first rule that fits, else its HTTP status alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pointsman.router.vocabulary.errors import ErrorKind

from .json_path import storable
from .wire import WireError

MOST_MESSAGE_CHARS = 500
"""Enough for every vendor's own words; an HTML page from a proxy is cut."""

BY_STATUS: Mapping[int, ErrorKind] = {
    401: ErrorKind.AUTH,
    402: ErrorKind.QUOTA_EXHAUSTED,
    403: ErrorKind.AUTH,
    408: ErrorKind.TIMEOUT,
    # The vendors' own clients retry 409; 499 is Google's "cancelled on our side".
    409: ErrorKind.SERVER_ERROR,
    429: ErrorKind.RATE_LIMITED,
    499: ErrorKind.SERVER_ERROR,
    503: ErrorKind.OVERLOADED,
    504: ErrorKind.TIMEOUT,
    529: ErrorKind.OVERLOADED,
}

# A redirect (3xx) is no answer and must not be followed with the key: the base_url is wrong, not the job.
BY_CLASS: Mapping[int, ErrorKind] = {4: ErrorKind.INVALID_REQUEST, 5: ErrorKind.SERVER_ERROR}

REFUSED = frozenset({400, 403, 413, 422})
"""The statuses with which servers turn down what a request says."""

TOO_LONG = re.compile(
    r"maximum context length|context[ _](length|window|size|limit)|prompt is too long|input is too long"
    r"|token count .{0,40}exceeds|exceeds the maximum number of tokens",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Complaint:
    """What an error reply says: its status, the vendor's words for the kind, and its message."""

    status: int
    codes: tuple[str, ...]
    message: str


@dataclass(frozen=True)
class Rule:
    """Means `kind` where the status, one of the codes and the message all fit; what is left out fits always."""

    kind: ErrorKind
    statuses: frozenset[int] = frozenset()
    code: re.Pattern[str] | None = None
    message: re.Pattern[str] | None = None

    def fits(self, complaint: Complaint) -> bool:
        """Say whether this rule speaks about `complaint`."""
        return (
            (not self.statuses or complaint.status in self.statuses)
            and (self.code is None or any(map(self.code.fullmatch, complaint.codes)))
            and (self.message is None or bool(self.message.search(complaint.message)))
        )


def judge(complaint: Complaint, rules: Iterable[Rule], *, retry_after: float | None) -> WireError:
    """Return the meaning of an error reply, with the vendor's own message."""
    kind = next((rule.kind for rule in rules if rule.fits(complaint)), None) or _by_status(complaint.status)
    return WireError(kind, _shown(complaint), retry_after)


def _by_status(status: int) -> ErrorKind:
    return BY_STATUS.get(status) or BY_CLASS.get(status // 100, ErrorKind.BAD_RESPONSE)


def _shown(complaint: Complaint) -> str:
    message = storable(complaint.message).strip()
    return message[:MOST_MESSAGE_CHARS] or f"HTTP status {complaint.status}"
