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
    404: ErrorKind.MISCONFIGURED,
    405: ErrorKind.MISCONFIGURED,
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


MEANT_FOR = frozenset({402, 403, 404, 405})
"""The statuses that speak of the key, the account, the model or the request: the words have to say of which."""

KEY_OR_ACCOUNT = re.compile(
    r"\b(api|secret|access)[ _-]?keys?\b|\bcredentials?\b|authenticat|\baccount\b|\bsubscription\b|\bsuspended\b"
    r"|\bdeactivated\b|\bbilling\b|\bpayment\b|\bcredits?\b|\bbalance\b|\bquota\b|\bconsumer\b",
    re.IGNORECASE,
)

CLOSED_ACCOUNT = re.compile(
    r"\b(account|organi[sz]ation|api[ _-]?key|workspace|project|subscription)\b.{0,60}"
    r"\b(flagged|disabled|suspended|revoked|terminated|deactivated|banned|on hold|blocked)\b",
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


REQUEST_RULES = (
    # a proxy, a firewall or a server that is not the model's: this try failed, and nobody spoke of a key
    Rule(
        ErrorKind.SERVER_ERROR,
        statuses=MEANT_FOR | {401, 407, 451},
        message=re.compile(r"^\s*<(!doctype|html|head|\?xml)", re.IGNORECASE),
    ),
    Rule(ErrorKind.AUTH, statuses=frozenset({403}), message=CLOSED_ACCOUNT),
    Rule(ErrorKind.QUOTA_EXHAUSTED, statuses=frozenset({402}), message=CLOSED_ACCOUNT),
    Rule(
        ErrorKind.CONTENT_FILTERED,
        statuses=frozenset({402, 403}),
        message=re.compile(
            r"flagged|moderat|guardrail|prompt injection|content (policy|filter)|safety|usage polic|harmful"
            r"|prohibited content",
            re.IGNORECASE,
        ),
    ),
    Rule(
        ErrorKind.INVALID_REQUEST,
        statuses=frozenset({402, 403}),
        message=re.compile(
            r"can only afford [1-9]|(fewer|lower|reduce) [`'\"]?max_(completion_)?tokens", re.IGNORECASE
        ),
    ),
    Rule(
        ErrorKind.INVALID_REQUEST,
        statuses=frozenset({403}),
        code=re.compile(r"\w*(region|country|territory)\w*"),
    ),
    Rule(
        ErrorKind.INVALID_REQUEST,
        statuses=frozenset({403}),
        message=re.compile(
            r"\b(region|country|territory|location)\b"
            r"|\b(feature|tools?|function calling|images?|vision|streaming|beta)\b.{0,40}\bnot "
            r"(available|supported|enabled|allowed)|not (available|supported|enabled|allowed) (in|for) (your|this)",
            re.IGNORECASE,
        ),
    ),
    Rule(
        ErrorKind.INVALID_REQUEST,
        statuses=frozenset({404}),
        message=re.compile(r"endpoints? found that support", re.IGNORECASE),
    ),
    Rule(
        ErrorKind.MISCONFIGURED,
        statuses=frozenset({400, *MEANT_FOR}),
        code=re.compile(r"model_not_found|unknown_model|invalid_model"),
    ),
    Rule(
        ErrorKind.MISCONFIGURED,
        statuses=MEANT_FOR,
        message=re.compile(
            r"\bmodels?\b.{0,120}(does ?n[o']t exist|not found|not have access|unknown|no access)", re.IGNORECASE
        ),
    ),
)
"""What an error reply of any vendor says of the request, or of the model's row, where no rule of its own fits."""


def judge(complaint: Complaint, rules: Iterable[Rule], *, retry_after: float | None) -> WireError:
    """Return the meaning of an error reply, with the vendor's own message.

    A vendor's own rule is certain. So is a status, unless it is one of those that may mean the key, the account or
    the request, and the words do not say which.
    """
    by_vendor = _first(rules, complaint)
    kind = by_vendor or _first(REQUEST_RULES, complaint) or _by_status(complaint.status)
    certain = bool(by_vendor) or complaint.status not in MEANT_FOR or _speaks_of_the_account(complaint)
    return WireError(kind, _shown(complaint), retry_after, certain=certain and kind is not ErrorKind.MISCONFIGURED)


def _first(rules: Iterable[Rule], complaint: Complaint) -> ErrorKind | None:
    return next((rule.kind for rule in rules if rule.fits(complaint)), None)


def _speaks_of_the_account(complaint: Complaint) -> bool:
    spoken = (complaint.message, *complaint.codes)
    return any(KEY_OR_ACCOUNT.search(words) or CLOSED_ACCOUNT.search(words) for words in spoken)


def _by_status(status: int) -> ErrorKind:
    return BY_STATUS.get(status) or BY_CLASS.get(status // 100, ErrorKind.BAD_RESPONSE)


def _shown(complaint: Complaint) -> str:
    message = storable(complaint.message).strip()
    return message[:MOST_MESSAGE_CHARS] or f"HTTP status {complaint.status}"
