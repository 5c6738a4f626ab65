"""One request to a receiver over real connections: which addresses it reaches, and what it makes of a reply."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import Any

import pytest
from aiohttp import web

from pointsman.router.runtime.http import open_guarded_client
from pointsman.router.vocabulary.webhook import may_be_called
from pointsman.workers.webhooks.outcome import Impossible, ReceiverReply, Replied, Silent
from pointsman.workers.webhooks.post import REFUSED, post
from tests.support.webhook_receiver import running_receiver

LOOPBACK = "127.0.0.0/8"
NAME = "rebinding.example"


async def send(url: str, *allowed: str, timeout_seconds: float = 10.0, times: int = 1) -> ReceiverReply:
    """Post with a fresh client, and return the last answer."""
    networks = [ip_network(text) for text in allowed]
    client = open_guarded_client(lambda address: may_be_called(address, networks), user_agent="test")
    try:
        for _ in range(times):
            answer = await post(client, url, b"{}", {"webhook-id": "msg_1"}, timeout_seconds=timeout_seconds)
        return answer
    finally:
        await client.aclose()


@asynccontextmanager
async def serving_bytes(script: Callable[[asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[str]:
    """Yield the URL of a server that says something of its own to whoever connects."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await script(writer)
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


@pytest.fixture
def leads_to(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that a name leads to, one lookup after the other; the wire of name servers is faked here."""
    addresses: list[str] = []
    looked_up = socket.getaddrinfo

    def look_up(host: Any, *more: Any, **options: Any) -> Any:
        return looked_up(addresses.pop(0) if host == NAME else host, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return addresses


async def test_a_name_that_leads_elsewhere_after_it_was_looked_at_is_refused(leads_to: list[str]) -> None:
    async with running_receiver("127.0.0.2") as good:
        port = int(good.url.rpartition(":")[2])
        async with running_receiver("127.0.0.1", port) as hidden:
            leads_to += ["127.0.0.2", "127.0.0.1"]
            url = f"http://{NAME}:{port}/"
            assert await send(url, "127.0.0.2/32") == Replied(204)
            assert await send(url, "127.0.0.2/32") == Impossible(REFUSED)
            assert hidden.got == []
        assert [got.headers["host"] for got in good.got] == [f"{NAME}:{port}"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254"])
async def test_an_address_that_is_not_allowed_is_never_connected_to(host: str) -> None:
    async with running_receiver() as receiver:
        assert await send(f"http://{host}:{receiver.url.rpartition(':')[2]}/") == Impossible(REFUSED)
        assert receiver.got == []


async def test_what_an_operator_allows_is_connected_to() -> None:
    async with running_receiver() as receiver:
        assert await send(receiver.url, LOOPBACK) == Replied(204)
        [got] = receiver.got
        assert (got.body, got.headers["user-agent"], got.headers["content-type"]) == (
            b"{}", "test", "application/json"
        )  # fmt: skip


async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_receiver() as proxy, running_receiver() as receiver:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert await send(receiver.url, LOOPBACK) == Replied(204)
        assert (len(receiver.got), proxy.got) == (1, [])


async def test_a_cookie_is_not_kept() -> None:
    async def bake(_: web.Request) -> web.StreamResponse:
        return web.Response(status=204, headers={"set-cookie": "who=me; Path=/"})

    async with running_receiver() as receiver:
        receiver.answer = bake
        await send(receiver.url, LOOPBACK, times=2)
        assert ["cookie" in got.headers for got in receiver.got] == [False, False]


@pytest.mark.parametrize(("header", "seconds"), [("120", 120.0), ("soon", None), ("-5", None)])
async def test_what_a_receiver_asks_for_is_read(header: str, seconds: float | None) -> None:
    async with running_receiver() as receiver:
        receiver.replies(503, **{"Retry-After": header})
        assert await send(receiver.url, LOOPBACK) == Replied(503, seconds)


async def test_a_reply_without_end_is_not_read_to_its_end() -> None:
    ended = asyncio.Event()

    async def pour(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        try:
            while True:
                writer.write(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
                await writer.drain()
        finally:
            ended.set()

    async with serving_bytes(pour) as url:
        assert await send(url, LOOPBACK) == Replied(200)
        await asyncio.wait_for(ended.wait(), 30)


async def test_a_head_without_end_is_no_reply() -> None:
    async def pour(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nx-much: ")
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()

    async with serving_bytes(pour) as url:
        assert isinstance(await send(url, LOOPBACK), Silent)


async def test_a_head_that_drips_ends_at_the_timeout() -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"H")
            await writer.drain()
            await asyncio.sleep(0.05)

    async def stay_silent(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    for script in (drip, stay_silent):
        async with serving_bytes(script) as url:
            answer = await send(url, LOOPBACK, timeout_seconds=0.5)
            assert isinstance(answer, Silent), script


async def test_what_is_not_http_is_no_reply() -> None:
    async def chatter(writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.6\r\n")
        await writer.drain()

    async with serving_bytes(chatter) as url:
        assert isinstance(await send(url, LOOPBACK), Silent)


async def test_a_closed_port_or_an_unknown_name_is_no_reply() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert isinstance(await send(f"http://127.0.0.1:{port}/", LOOPBACK), Silent)
    assert isinstance(await send("http://nobody.invalid/", LOOPBACK), Silent)
