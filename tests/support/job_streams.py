"""What the tests of streams share: a worker's words, put into Redis as a worker puts them there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.store import Settlement, StreamedPiece
from pointsman.router.vocabulary.job import JobState
from tests.support.running_api import Api, running_api

WORDS = ("The ", "answer is grün, \N{SNOWMAN} ", "42\u2028.")
ANSWER = "".join(WORDS)
HELLO: Any = [{"role": "user", "content": "Hello"}]
CHAT: dict[str, Any] = {"model": "technical_support", "messages": HELLO, "stream": True}
MESSAGE: dict[str, Any] = {"model": "technical_support", "messages": HELLO, "max_tokens": 10, "stream": True}


@asynccontextmanager
async def streams(settings: Settings, catalog: Catalog) -> AsyncIterator[Api]:
    """Run the API, and see that nothing is left of its streams."""
    async with running_api(settings, catalog) as running:
        yield running
        async with asyncio.timeout(20):
            while await followed(running):  # noqa: ASYNC110 # Redis tells of no subscription
                await asyncio.sleep(0.01)


async def followed(api: Api) -> list[str]:
    """Return the channels of jobs that somebody follows."""
    found: Any = await api.redis.pubsub_channels(api.driver.keys.key("events", "*"))
    return list(found)


async def until_followed(api: Api, job_id: str, count: int = 1) -> None:
    """Return once so many processes follow a job."""
    channel = api.driver.keys.key("events", job_id)
    async with asyncio.timeout(20):
        while (await followed(api)).count(channel) != count:  # noqa: ASYNC110 # Redis tells of no subscription
            await asyncio.sleep(0.01)


async def claim(api: Api, job_id: str, binding: int = 1) -> None:
    """Bind a job of class technical_support to gpt-4 and claim it."""
    await api.driver.announce()
    assert await api.driver.bind(job_id) == "bound"
    assert await api.driver.claim(job_id, binding) is not None


async def speak(api: Api, job_id: str, text: str, *, offset: int = 0, binding: int = 1) -> None:
    """Say more of a running job's answer."""
    assert await api.driver.work.append_tokens([StreamedPiece(job_id, binding, offset, text)]) == [True]


async def write(api: Api, job_id: str, text: str) -> None:
    """Let a waiting job begin to speak."""
    await claim(api, job_id)
    await speak(api, job_id, text)


async def succeed(api: Api, job_id: str, text: str = ANSWER, *, binding: int = 1, **answer: Any) -> None:
    """Let a running job succeed."""
    assert await api.driver.settle(job_id, binding, settlement=answered(text, **answer)) is JobState.SUCCEEDED


def answered(text: str = ANSWER, **answer: Any) -> Settlement:
    """Return the settlement of a call that was answered so."""
    usage = {"input_tokens": 9, "output_tokens": 5, "cached_tokens": 4}
    whole = {"text": text, "finish_reason": "stop", "usage": usage, **answer}
    result = {"answer": whole, "model": "gpt-4", "seconds": 0.5}
    return Settlement(
        state=JobState.SUCCEEDED, attempt={"number": 1, "binding": 1, "model": "gpt-4"}, result=result
    )


class ReceivedEvents:
    """What comes of one raw stream of chunks: `text` and `errors` so far."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines
        self.text = ""
        self.errors: list[dict[str, Any]] = []

    async def until(self, comment: str) -> None:
        """Return at the next comment of these words."""
        async with asyncio.timeout(30):
            async for line in self._lines:
                self._take(line)
                if line == f": {comment}":
                    return
        raise AssertionError(f"the stream ended without {comment!r}")

    async def until_text(self, text: str) -> None:
        """Return once the text so far is this one."""
        async with asyncio.timeout(30):
            while self.text != text:
                self._take(await anext(self._lines))

    async def rest(self) -> str:
        """Return all the text of the stream, at its end."""
        async with asyncio.timeout(60):
            async for line in self._lines:
                self._take(line)
        return self.text

    def _take(self, line: str) -> None:
        if not line.startswith("data: {"):
            return
        data = json.loads(line.removeprefix("data: "))
        if "error" in data:
            self.errors.append(data["error"])
        else:
            self.text += "".join(choice["delta"].get("content") or "" for choice in data["choices"])


def comments(reply: httpx.Response) -> ReceivedEvents:
    """Return what comes of a reply."""
    return ReceivedEvents(reply.aiter_lines())
