"""Many streams in one API process, and one that is not read."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from pointsman.producer.api.waiting import streamed as signals
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.store import StreamedPiece
from tests.support.job_streams import CHAT, comments, streams, succeed, write
from tests.support.running_api import Api

PATH = "/v1/chat/completions"
MANY = 200
PIECES = [f"piece {at}, " for at in range(20)]
WHOLE = "".join(PIECES)


async def claim_all(api: Api, ids: Sequence[str]) -> None:
    """Bind all these jobs and claim them."""
    await api.driver.announce(slots=len(ids))
    assert set(await api.driver.bind_many(ids)) == {"bound"}
    for job_id in ids:
        assert await api.driver.claim(job_id) is not None


async def read(http: httpx.AsyncClient, ids: list[str], head: asyncio.Semaphore) -> str:
    """Read one stream to its end; lets `head` go when it has begun."""
    async with http.stream("POST", PATH, json=CHAT, timeout=100) as reply:
        ids.append(reply.headers["x-pointsman-job-id"])
        head.release()
        return await comments(reply).rest()


async def test_many_streams_at_once(settings: Settings, catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "HEAD_SECONDS", 0)
    async with streams(settings, catalog) as api:
        limits = httpx.Limits(max_connections=MANY)
        async with httpx.AsyncClient(base_url=api.url, verify=False, limits=limits, timeout=100) as http:
            ids: list[str] = []
            begun = asyncio.Semaphore(0)
            readings = [asyncio.create_task(read(http, ids, begun)) for _ in range(MANY)]
            for _ in range(MANY):
                await begun.acquire()
            assert len(set(ids)) == MANY
            await claim_all(api, ids)
            offset = 0
            for text in PIECES:
                pieces = [StreamedPiece(job_id, 1, offset, text) for job_id in ids]
                assert all(await api.driver.work.append_tokens(pieces))
                offset += len(text)
            for job_id in ids:
                await succeed(api, job_id, WHOLE)
            assert await asyncio.gather(*readings) == [WHOLE] * MANY


LINES = [f"{at:06d} {'x' * 4000}\n" for at in range(3000)]  # 12 MB: more than sockets hold, and news


async def test_a_reader_that_does_not_read_holds_up_nobody(settings: Settings, catalog: Catalog) -> None:
    async with streams(settings, catalog) as api:
        slow = await connect(api)
        job_id = await api.open_job()
        await write(api, job_id, LINES[0])
        offset = len(LINES[0])
        for at in range(1, len(LINES), 20):
            pieces = []
            for text in LINES[at : at + 20]:
                pieces.append(StreamedPiece(job_id, 1, offset, text))
                offset += len(text)
            assert all(await api.driver.work.append_tokens(pieces))

        async with api.http.stream("POST", PATH, json=CHAT) as reply:
            other = reply.headers["x-pointsman-job-id"]
            await write(api, other, WHOLE)
            received = comments(reply)
            await received.until_text(WHOLE)
            await succeed(api, other, WHOLE)
            assert await received.rest() == WHOLE
        await succeed(api, job_id, "".join(LINES))
        assert await rest(slow) == "".join(LINES)


async def connect(api: Api) -> socket.socket:
    """Ask for a stream, and read nothing of it."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.setblocking(False)
    loop = asyncio.get_running_loop()
    host, port = api.url.removeprefix("http://").split(":")
    await loop.sock_connect(connection, (host, int(port)))
    body = json.dumps(CHAT).encode()
    lines = (f"POST {PATH} HTTP/1.0", "content-type: application/json", f"content-length: {len(body)}", "", "")
    await loop.sock_sendall(connection, "\r\n".join(lines).encode() + body)
    return connection


async def rest(connection: socket.socket) -> str:
    """Return all the text of a stream."""
    reader, writer = await asyncio.open_connection(sock=connection, limit=2**24)
    received = (await reader.read()).decode()
    writer.close()
    chunks: list[dict[str, Any]] = [
        json.loads(line.removeprefix("data: ")) for line in received.splitlines() if line.startswith("data: {")
    ]
    return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])
