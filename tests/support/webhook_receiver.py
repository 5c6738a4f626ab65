"""A receiver of webhooks: a real HTTP server on loopback that keeps what it got, and answers as it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

SECONDS_AT_MOST = 45.0
Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Got:
    """One request as it came in."""

    headers: dict[str, str]
    body: bytes
    path: str

    @property
    def id(self) -> str:
        """The webhook-id."""
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        """The body, decoded."""
        found: dict[str, Any] = json.loads(self.body)
        return found


async def accept(_: web.Request) -> web.StreamResponse:
    """Answer 204."""
    return web.Response(status=204)


@dataclass
class Receiver:
    """What came in so far, and how the next request is answered."""

    url: str
    got: list[Got] = field(default_factory=list)
    answer: Answering = accept
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def replies(self, status: int, **headers: str) -> None:
        """Answer everything with this status from now on."""

        async def reply(_: web.Request) -> web.StreamResponse:
            return web.Response(status=status, headers=headers)

        self.answer = reply

    def hangs(self) -> asyncio.Event:
        """Answer nothing until the event that is returned is set."""
        opened = asyncio.Event()

        async def hang(_: web.Request) -> web.StreamResponse:
            await opened.wait()
            return web.Response(status=204)

        self.answer = hang
        return opened

    async def until(self, count: int, path: str | None = None) -> list[Got]:
        """Wait until so many requests have come in, and return them."""

        def found() -> list[Got]:
            return [got for got in self.got if path is None or got.path == path]

        async with asyncio.timeout(SECONDS_AT_MOST), self.changed:
            await self.changed.wait_for(lambda: len(found()) >= count)
        return found()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Write a request down and answer it."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.got.append(Got(headers, await request.read(), request.path))
        async with self.changed:
            self.changed.notify_all()
        return await self.answer(request)


@asynccontextmanager
async def running_receiver(host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Receiver]:
    """Yield a receiver on loopback, on a free port unless one is given."""
    receiver = Receiver("")
    app = web.Application(client_max_size=2**24)
    app.router.add_route("*", "/{path:.*}", receiver.handle)
    runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        receiver.url = f"http://{host}:{runner.addresses[0][1]}"
        yield receiver
    finally:
        await runner.cleanup()
