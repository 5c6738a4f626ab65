"""What one line of a file for a batch asks for.

https://platform.openai.com/docs/guides/batch

BadLine   a line that is no request at all
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

from pointsman.router.vocabulary.errors import PointsmanError
from pointsman.router.vocabulary.job import JobRecord

from ...files.lines import Line
from ..faults import Refused
from ..request import JobRequest, Names
from .chat import completion, read_chat
from .responses import read_response, response

CUSTOM_ID_AT_MOST = 512
UNSUPPORTED = "unsupported_parameter"


@dataclass(frozen=True)
class Endpoint:
    """How the bodies for one endpoint are read, and how its answers are written."""

    read: Callable[[Mapping[str, Any], Names], JobRequest]
    write: Callable[[JobRecord, Mapping[str, Any], tuple[str, ...]], dict[str, Any]]


def _read_chat(body: Mapping[str, Any], names: Names) -> JobRequest:
    job_request = read_chat(body, names)
    if job_request.spec.stream:
        raise Refused("Unsupported parameter: 'stream': a batch does not stream.", param="stream", code=UNSUPPORTED)
    return job_request


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
    return request_of(object_of(line), endpoint)


def request_of(data: Mapping[str, Any], endpoint: str) -> LineRequest:
    """Return what the object of a line asks for; raises BadLine."""
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
    return str(object_of(line)["custom_id"])


def object_of(line: Line) -> dict[str, Any]:
    """Return the object that a line is; raises BadLine."""
    if line.text is None:
        raise BadLine("line_too_long", "the line is longer than POINTSMAN_BODY_LIMIT_BYTES allows")
    try:
        data = from_json(line.text.rstrip(), allow_inf_nan=False)
    except ValueError as error:
        raise BadLine("invalid_json_line", f"the line is not valid JSON: {error}") from error
    if not isinstance(data, dict):
        raise BadLine("invalid_json_line", "the line is not a JSON object")
    return data
