"""Calls over real loopback HTTP: each way in which a server can fail, and what we make of it."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler

import pytest

from pointsman.router.runtime.http import AsyncClient, open_client
from pointsman.router.vocabulary.allowance import Allowance, Left
from pointsman.router.vocabulary.chat import ChatRequest
from pointsman.router.vocabulary.errors import ErrorKind
from pointsman.workers.call import call
from pointsman.workers.errors import CallFailed
from pointsman.workers.providers import FORMATS, WireRequest
from tests.support.loopback import Behaviour, Loopback, replying, running_loopback
from tests.support.vendors.models import HELLO, KEY, model_for
from tests.support.vendors.replies import text_reply


def _request(vendor: str, base_url: str) -> WireRequest:
    return FORMATS[vendor].request(HELLO, model_for(vendor, base_url), KEY)


async def _failure(
    client: AsyncClient, vendor: str, request: WireRequest, *, timeout_seconds: float = 5.0
) -> CallFailed:
    with pytest.raises(CallFailed) as failure:
        await call(client, FORMATS[vendor], request, timeout_seconds=timeout_seconds)
    return failure.value


async def test_a_good_reply_is_an_answer(vendor: str, loopback: Loopback, client: AsyncClient) -> None:
    loopback.behave = replying(200, text_reply(vendor))
    answer, _ = await call(client, FORMATS[vendor], _request(vendor, loopback.url), timeout_seconds=5)
    assert answer.text == "Grüße"


@pytest.mark.parametrize("end", [0, 1, 40, -1])
async def test_half_a_json_body_is_a_bad_response(
    vendor: str, end: int, loopback: Loopback, client: AsyncClient
) -> None:
    loopback.behave = replying(200, json.dumps(text_reply(vendor)).encode()[:end])
    failure = await _failure(client, vendor, _request(vendor, loopback.url))
    assert failure.kind is ErrorKind.BAD_RESPONSE


@pytest.mark.parametrize(
    "content",
    [b"<html>sign in</html>", b"\xff\xfe\x00", b"[" * 100_000, b"null", b"NaN"],
    ids=["html", "no utf-8", "nested", "null", "nan"],
)
async def test_a_body_that_is_no_json_object_is_a_bad_response(
    vendor: str, content: bytes, loopback: Loopback, client: AsyncClient
) -> None:
    loopback.behave = replying(200, content)
    failure = await _failure(client, vendor, _request(vendor, loopback.url))
    assert failure.kind is ErrorKind.BAD_RESPONSE


def _garbage(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
    handler.close_connection = True


def _hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


def _too_short(status: int) -> Behaviour:
    def behave(handler: BaseHTTPRequestHandler) -> None:
        replying(status, b'{"error": ', {"Content-Length": "1000"})(handler)
        handler.close_connection = True

    return behave


def _endless_drip(handler: BaseHTTPRequestHandler) -> None:
    """Send a byte at a time, so that no read of a single byte ever times out."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    for _ in range(200):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.02)


BREAKAGES = [
    pytest.param(_too_short(200), ErrorKind.BAD_RESPONSE, id="body cut off"),
    pytest.param(_too_short(503), ErrorKind.OVERLOADED, id="body of an error cut off"),
    pytest.param(_too_short(429), ErrorKind.RATE_LIMITED, id="body of a rate limit cut off"),
    pytest.param(replying(200, b"x", {"Content-Encoding": "gzip"}), ErrorKind.BAD_RESPONSE, id="broken gzip"),
    pytest.param(_garbage, ErrorKind.BAD_RESPONSE, id="not HTTP"),
    pytest.param(_hang_up, ErrorKind.CONNECTION, id="hung up"),
]


@pytest.mark.parametrize(("behave", "kind"), BREAKAGES)
async def test_a_broken_reply_has_a_kind(
    behave: Behaviour, kind: ErrorKind, vendor: str, loopback: Loopback, client: AsyncClient
) -> None:
    loopback.behave = behave
    assert (await _failure(client, vendor, _request(vendor, loopback.url))).kind is kind


async def test_a_server_that_drips_bytes_is_cut_off_in_time(loopback: Loopback, client: AsyncClient) -> None:
    loopback.behave = _endless_drip
    began = time.monotonic()
    failure = await _failure(client, "openai", _request("openai", loopback.url), timeout_seconds=0.2)
    assert failure.kind is ErrorKind.TIMEOUT
    assert time.monotonic() - began < 1


async def test_a_call_that_timed_out_gives_its_connection_back(loopback: Loopback) -> None:
    request = _request("openai", loopback.url)
    async with open_client(connections=1) as narrow:
        loopback.behave = _endless_drip
        await _failure(narrow, "openai", request, timeout_seconds=0.1)
        loopback.behave = replying(200, text_reply("openai"))
        assert (await call(narrow, FORMATS["openai"], request, timeout_seconds=2)).answer.text == "Grüße"


async def test_a_body_that_is_cut_off_says_so(loopback: Loopback, client: AsyncClient) -> None:
    loopback.behave = _too_short(200)
    assert "ReadError" in (await _failure(client, "openai", _request("openai", loopback.url))).message


async def test_a_call_may_take_longer_than_the_client_waits_by_default(loopback: Loopback) -> None:
    def behave(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(0.3)
        replying(200, text_reply("openai"))(handler)

    loopback.behave = behave
    async with open_client(connections=1, timeout_seconds=0.1) as impatient:
        request = _request("openai", loopback.url)
        assert (await call(impatient, FORMATS["openai"], request, timeout_seconds=5)).answer.text == "Grüße"


async def test_text_that_utf_8_cannot_carry_is_an_invalid_request(vendor: str, client: AsyncClient) -> None:
    chat = ChatRequest.model_validate({"messages": [{"role": "user", "content": "half an emoji: \ud83d"}]})
    request = FORMATS[vendor].request(chat, model_for(vendor, "http://127.0.0.1"), KEY)
    assert (await _failure(client, vendor, request)).kind is ErrorKind.INVALID_REQUEST


async def test_a_server_that_says_nothing_is_a_timeout(client: AsyncClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        failure = await _failure(client, "openai", _request("openai", url), timeout_seconds=0.2)
    assert failure.kind is ErrorKind.TIMEOUT


async def test_a_port_without_a_server_is_a_connection_error(client: AsyncClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}"
    assert (await _failure(client, "openai", _request("openai", url))).kind is ErrorKind.CONNECTION


@pytest.mark.parametrize("url", ["http://[", "http://127.0.0.1:port/", "ftp://127.0.0.1/", "/relative"])
async def test_a_url_that_leads_nowhere_is_a_connection_error(url: str, client: AsyncClient) -> None:
    request = replace(_request("openai", "http://127.0.0.1"), url=url)
    assert (await _failure(client, "openai", request)).kind is ErrorKind.CONNECTION


async def test_cancelling_passes_through(loopback: Loopback, client: AsyncClient) -> None:
    loop, arrived = asyncio.get_running_loop(), asyncio.Event()

    def behave(handler: BaseHTTPRequestHandler) -> None:
        loop.call_soon_threadsafe(arrived.set)
        _endless_drip(handler)

    loopback.behave = behave
    request = _request("openai", loopback.url)
    task = asyncio.create_task(call(client, FORMATS["openai"], request, timeout_seconds=30))
    async with asyncio.timeout(5):
        await arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_redirect_is_not_followed_with_the_key(loopback: Loopback, client: AsyncClient) -> None:
    with running_loopback() as elsewhere:
        loopback.behave = replying(307, b"", {"Location": elsewhere.url})
        failure = await _failure(client, "openai", _request("openai", loopback.url))
        assert elsewhere.seen == []
    assert (failure.kind, failure.status) == (ErrorKind.BAD_RESPONSE, 307)


async def test_an_error_carries_status_message_and_wait(
    vendor: str, loopback: Loopback, client: AsyncClient
) -> None:
    body = {"error": {"message": "slow down", "type": "rate_limit_error", "status": "RESOURCE_EXHAUSTED"}}
    loopback.behave = replying(429, body, {"Retry-After": "3600"})
    failure = await _failure(client, vendor, _request(vendor, loopback.url))
    assert (failure.kind, failure.status) == (ErrorKind.RATE_LIMITED, 429)
    assert (failure.message, failure.retry_after) == ("slow down", 3600)


@pytest.mark.parametrize("status", [200, 400, 401, 500])
async def test_a_key_that_the_server_repeats_is_never_passed_on(
    status: int, vendor: str, loopback: Loopback, client: AsyncClient
) -> None:
    # The cut at 500 characters falls into the middle of the key.
    message = "x" * 490 + f" {KEY} is wrong"
    loopback.behave = replying(status, {"error": {"message": message}})
    failure = await _failure(client, vendor, _request(vendor, loopback.url))
    assert "sk-" not in str(failure)


async def test_a_key_that_no_header_can_carry_is_an_auth_error(vendor: str) -> None:
    for key in ("sk-1\n", "sk-\u00e9", "a\r\nx: y"):
        with pytest.raises(CallFailed) as failure:
            FORMATS[vendor].request(HELLO, model_for(vendor, "http://h"), key)
        assert failure.value.kind is ErrorKind.AUTH
        assert key not in str(failure.value)


LEFT = {"x-ratelimit-remaining-requests": "7", "x-ratelimit-reset-requests": "1.5s"}


async def test_an_answer_and_an_error_alike_report_what_is_left(loopback: Loopback, client: AsyncClient) -> None:
    left = Allowance(requests=Left(7, 1.5))
    request = _request("openai", loopback.url)
    loopback.behave = replying(200, text_reply("openai"), LEFT)
    assert (await call(client, FORMATS["openai"], request, timeout_seconds=5)).allowance == left
    for status, body in ((200, {}), (429, {}), (503, b"busy")):
        loopback.behave = replying(status, body, LEFT)
        assert (await _failure(client, "openai", request)).allowance == left
