"""What a reply of the API means to the client."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from pointsman.producer.client.transports.http_replies import read_reply
from pointsman.producer.errors import ApiError, ApiUnavailable, Conflict, InvalidJob, Unauthorized, UnknownJob


def reply(status: int, body: Any, headers: dict[str, str] | None = None) -> httpx.Response:
    return httpx.Response(status, json=body, headers=headers, request=httpx.Request("GET", "http://api/v1/jobs"))


def error(kind: str, **more: str) -> dict[str, Any]:
    return {"error": {"kind": kind, "message": "because", "request_id": "r1", **more}}


@pytest.mark.parametrize(
    ("answer", "raises"),
    [
        (reply(404, error("unknown_job", job_id="j")), UnknownJob),
        (reply(409, error("conflict", job_id="j")), Conflict),
        (reply(422, error("invalid_job", field="model")), InvalidJob),
        (reply(401, error("unauthorized")), Unauthorized),
        (reply(413, error("body_too_large")), ApiError),
        (reply(500, error("internal")), ApiError),
        (reply(503, error("store_unavailable")), ApiUnavailable),
        (reply(502, "a proxy's page"), ApiUnavailable),
        (reply(200, None), ApiError),
    ],
)
def test_an_error_of_the_api_becomes_the_exception_it_stands_for(
    answer: httpx.Response, raises: type[Exception]
) -> None:
    with pytest.raises(raises) as caught:
        read_reply(answer)
    assert type(caught.value) is raises


@pytest.mark.parametrize(("header", "seconds"), [("2", 2.0), ("Wed, 21 Oct 2026 07:28:00 GMT", 0.0), ("-1", 0.0)])
def test_retry_after_is_kept(header: str, seconds: float) -> None:
    with pytest.raises(ApiUnavailable) as caught:
        read_reply(reply(503, error("store_unavailable"), {"retry-after": header}))
    assert caught.value.retry_after == seconds
