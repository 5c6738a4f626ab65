"""API keys, exposure, patience, and what a reply of the API means to the client."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

import pointsman.producer.client.retry
from pointsman.producer.api.middleware.access import Key, read_keys
from pointsman.producer.api.serve import check_exposure
from pointsman.producer.client.retry import patiently
from pointsman.producer.client.transports import open_door
from pointsman.producer.client.transports.http_replies import read_reply
from pointsman.producer.errors import ApiError, ApiUnavailable, Conflict, InvalidJob, Unauthorized, UnknownJob
from pointsman.router.config.settings import Settings
from pointsman.router.vocabulary.errors import ConfigError, StoreUnavailable


@pytest.mark.parametrize(
    ("entry", "key"),
    [
        ("secret", Key(b"secret", None)),
        ("acme:secret", Key(b"secret", "acme")),
        ("acme:se:cret", Key(b"se:cret", "acme")),
        ("not a tenant:secret", Key(b"not a tenant:secret", None)),
        (":secret", Key(b":secret", None)),
        ("acme:", Key(b"acme:", None)),
    ],
)
def test_a_key_may_be_bound_to_a_tenant(entry: str, key: Key) -> None:
    assert read_keys([entry]) == (key,)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "api.example.com"])
def test_an_open_address_without_keys_is_refused(host: str) -> None:
    with pytest.raises(ConfigError, match=r"POINTSMAN_API_KEYS.*set a comma-separated list"):
        check_exposure(Settings(api_host=host))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.5", "::1", "localhost"])
def test_loopback_needs_no_keys(host: str) -> None:
    check_exposure(Settings(api_host=host))


def test_an_open_address_with_keys_is_fine() -> None:
    check_exposure(Settings(api_host="0.0.0.0", api_keys=("secret",)))


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


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Notes how long patience would have slept, and does not sleep."""
    seconds: list[float] = []

    async def sleep(delay: float) -> None:
        seconds.append(delay)

    monkeypatch.setattr(pointsman.producer.client.retry.asyncio, "sleep", sleep)
    return seconds


async def test_what_fails_for_now_is_tried_again(slept: list[float]) -> None:
    outcomes: list[Exception | str] = [StoreUnavailable("away"), ApiUnavailable("away", retry_after=2), "here"]

    async def ask() -> str:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    assert await patiently(ask, retries=4) == "here"
    assert 0.1 <= slept[0] <= 0.2
    assert slept[1] == 2.0


async def test_patience_ends(slept: list[float]) -> None:
    async def ask() -> str:
        raise StoreUnavailable("away")

    with pytest.raises(StoreUnavailable):
        await patiently(ask, retries=3)
    assert len(slept) == 3


def test_a_url_of_no_known_scheme_is_refused() -> None:
    with pytest.raises(ConfigError, match="redis://"):
        open_door("ftp://example.com", api_key=None, models_file=None, key_prefix=None)
