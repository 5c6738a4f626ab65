"""What one line of an input file asks for.

BadLine   a line that is no request at all, which fails its whole batch
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

from producer.openai import Asked, Refused, completion, read_chat, read_response, response
from router.catalog import Catalog
from router.errors import PointsmanError
from router.job import JobRecord

from .lines import Line

CUSTOM_ID_AT_MOST = 512
UNSUPPORTED = "unsupported_parameter"


@dataclass(frozen=True)
class Endpoint:
    """How the bodies for one endpoint are read, and how its answers are written."""

    read: Callable[[Mapping[str, Any], Catalog], Asked]
    write: Callable[[JobRecord, Mapping[str, Any], tuple[str, ...]], dict[str, Any]]


def _read_chat(body: Mapping[str, Any], catalog: Catalog) -> Asked:
    asked = read_chat(body, catalog)
    if asked.spec.stream:
        raise Refused("Unsupported parameter: 'stream': a batch does not stream.", param="stream", code=UNSUPPORTED)
    return asked


ENDPOINTS: Mapping[str, Endpoint] = {
    "/v1/chat/completions": Endpoint(_read_chat, lambda job, _, ignored: completion(job, ignored=ignored)),
    "/v1/responses": Endpoint(read_response, lambda job, body, ignored: response(job, body, ignored=ignored)),
}


class BadLine(PointsmanError):
    """Raised when a line is no request; `code` is OpenAI's word for it."""

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        self.code, self.param = code, param
        super().__init__(message)


@dataclass(frozen=True)
class LineRequest:
    """A line that is a request: the caller's own id for it, and the body for the endpoint."""

    custom_id: str
    body: Mapping[str, Any]


def read_request(line: Line, endpoint: str) -> LineRequest:
    """Return what a line asks for; raises BadLine."""
    data = _object(line)
    custom_id = data.get("custom_id")
    if not isinstance(custom_id, str) or not 0 < len(custom_id) <= CUSTOM_ID_AT_MOST:
        raise BadLine("invalid_custom_id", f"custom_id must be a text of 1 to {CUSTOM_ID_AT_MOST}", "custom_id")
    if data.get("method", "POST") != "POST":
        raise BadLine("invalid_method", "the method must be POST", "method")
    if data.get("url") != endpoint:
        raise BadLine("url_mismatch", f"the url must be that of the batch, {endpoint}", "url")
    body = data.get("body")
    if not isinstance(body, Mapping):
        raise BadLine("invalid_body", "the body must be an object", "body")
    for name in data.keys() - {"custom_id", "method", "url", "body"}:
        raise BadLine("unknown_parameter", f"a line has no {name[:100]!r}", name[:100])
    return LineRequest(custom_id, body)


def read_custom_id(line: Line) -> str:
    """Return the custom_id of a line that we wrote."""
    return str(_object(line)["custom_id"])


def _object(line: Line) -> Mapping[str, Any]:
    if line.text is None:
        raise BadLine("line_too_long", "the line is longer than POINTSMAN_BODY_LIMIT_BYTES allows")
    try:
        data = from_json(line.text, allow_inf_nan=False)
    except ValueError as error:
        raise BadLine("invalid_json_line", f"the line is not valid JSON: {error}") from error
    if not isinstance(data, dict):
        raise BadLine("invalid_json_line", "the line is not a JSON object")
    return data
