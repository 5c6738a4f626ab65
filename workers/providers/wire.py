"""What every wire format adapter takes and gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from pointsman.router.vocabulary.allowance import Allowance
from pointsman.router.vocabulary.chat import Answer, ChatRequest
from pointsman.router.vocabulary.errors import ErrorKind
from pointsman.router.vocabulary.model import Model


@dataclass(frozen=True)
class WireRequest:
    """One HTTP POST: where to, with which headers and JSON body, and which parameters were left out.

    `stops` says that it names sequences to stop at: where the first words are one, the answer is empty, and right.
    """

    url: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    dropped: tuple[str, ...] = ()
    stops: bool = False


@dataclass(frozen=True)
class WireError:
    """What an error reply means; `retry_after` is in seconds, None where the vendor said nothing.

    It is not `certain` where the reply does not say whether it speaks of the key and the account or of the request.
    """

    kind: ErrorKind
    message: str
    retry_after: float | None = None
    certain: bool = True


CALL_ID = "x-client-request-id"
"""The header by which a vendor's support finds a call again; OpenAI documents it, the others pass it over."""


def named(request: WireRequest, call_id: str) -> WireRequest:
    """Return the request with the id of its call in a header, unless the configuration sets that header."""
    return replace(request, headers={CALL_ID: call_id, **request.headers})


class StreamReader(Protocol):
    """Reads the events of one streamed reply, which are parsed JSON, or text where they are not JSON."""

    def take(self, event: Any) -> str | None:
        """Take one event; return the text in it, None where it is the last one.

        Raises CallFailed (`bad_response`) where it cannot be understood.
        """

    def body(self) -> Any:
        """Return the body of the same reply without a stream; raises CallFailed where the end is missing."""


class WireFormat(Protocol):
    """A wire format: pure translation, no network.

    `request` raises CallFailed (`invalid_request`) where the format has no words for the chat, and (`auth`) where
    the key cannot stand in a header. `answer` raises CallFailed (`bad_response`, `content_filtered`, ...) on a 2xx
    body that is not a usable answer; with `stops` one without text may be. `error` and `allowance` never raise.
    """

    def request(self, chat: ChatRequest, model: Model, api_key: str | None, *, stream: bool = False) -> WireRequest:
        """Translate a chat request into one HTTP POST, which may ask for a stream."""

    def reader(self) -> StreamReader:
        """Return a reader for one streamed reply."""

    def answer(self, body: Any, *, stops: bool = False) -> Answer:
        """Translate the JSON body of a 2xx reply."""

    def error(self, status: int, headers: Mapping[str, str], body: Any) -> WireError:
        """Say what a reply with any other status means; `body` is parsed JSON, or text where it is not JSON."""

    def allowance(self, headers: Mapping[str, str]) -> Allowance:
        """Read from any reply what the vendor still allows."""
