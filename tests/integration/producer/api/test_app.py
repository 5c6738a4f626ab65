"""Callers who hang up, at every route that waits or streams: nothing is written to the log, nothing is left."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
from urllib.parse import urlsplit

import pytest

from tests.support.live import eventually
from tests.support.running_api import Api

ASKED = {"model": "gpt-4", "max_tokens": 10, "messages": [{"role": "user", "content": "Why?"}]}
HANG_UPS = 10

ROUTES = {
    "finished": ("POST", "/v1/jobs/finished", {"ids": ["{job}"]}),
    "events": ("GET", "/v1/jobs/{job}/events", None),
    "wait": ("GET", "/v1/jobs/{job}?wait=20", None),
    "chat": ("POST", "/v1/chat/completions", ASKED),
    "chat, streamed": ("POST", "/v1/chat/completions", {**ASKED, "stream": True}),
    "messages": ("POST", "/v1/messages", ASKED),
    "messages, streamed": ("POST", "/v1/messages", {**ASKED, "stream": True}),
}


async def hang_up(api: Api, request: tuple[str, str, object], *, after_seconds: float) -> None:
    """Send a request, read for a while, and cut the connection."""
    method, path, content = request
    body = json.dumps(content).encode() if content is not None else b""
    address = urlsplit(api.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    head = [
        f"{method} {path} HTTP/1.1",
        "host: here",
        "content-type: application/json",
        f"content-length: {len(body)}",
    ]
    writer.write("\r\n".join([*head, "", ""]).encode() + body)
    try:
        async with asyncio.timeout(after_seconds):
            while await reader.read(1000):
                pass
    except TimeoutError:
        pass
    writer.transport.abort()


@pytest.mark.parametrize("route", ROUTES)
async def test_hang_ups_write_no_traceback_and_leave_nothing(
    api: Api, route: str, caplog: pytest.LogCaptureFixture
) -> None:
    job_id = await api.submit()
    method, path, content = json.loads(json.dumps(ROUTES[route]).replace("{job}", job_id))
    caplog.set_level(logging.WARNING)
    channels = await subscribed(api)
    await asyncio.gather(
        *(hang_up(api, (method, path, content), after_seconds=0.05 * at) for at in range(1, HANG_UPS + 1))
    )
    await eventually(lambda: none_more(api, channels), what="that nobody listens any more", seconds=10)
    gc.collect()  # a task whose failure nobody saw says so when it is collected
    await asyncio.sleep(0)
    assert [record.getMessage() for record in caplog.records] == []


async def subscribed(api: Api) -> set[str]:
    return set(await api.redis.pubsub_channels(f"{api.driver.keys.prefix}*"))


async def none_more(api: Api, before: set[str]) -> bool:
    return await subscribed(api) <= before | {api.driver.keys.key("ended", "")}
