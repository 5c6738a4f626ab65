"""Endpoints whose callers wait, on real parts: API process, dispatcher, Celery workers, the official clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest_asyncio
from anthropic import AsyncAnthropic
from openai.types.responses import Response

from pointsman.local.ports import free_port
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.vocabulary.job import JobState
from tests.support.batch_files import openai_client
from tests.support.live import Live, eventually, running_live
from tests.support.running_api import until_it_answers

HELLO: Any = [{"role": "user", "content": "What is a pointsman?"}]


@pytest_asyncio.fixture
async def live(settings: Settings, catalog: Catalog, tmp_path: Path) -> AsyncIterator[Live]:
    ours = settings.model_copy(update={"api_port": free_port()})
    async with running_live(ours, catalog, tmp_path) as found:
        found.api()
        found.dispatcher()
        found.worker("claude")
        async with httpx.AsyncClient(base_url=url(found), verify=False) as http:
            await until_it_answers(http)
        yield found


def url(live: Live) -> str:
    """Return where the API is."""
    return f"http://127.0.0.1:{live.settings.api_port}"


async def test_every_endpoint_is_answered_by_a_worker(live: Live) -> None:
    async with openai_client(url(live)) as openai:
        completion = await openai.chat.completions.create(model="creative_writing", messages=HELLO)
        assert (completion.choices[0].message.content or "").startswith("[simulated]")
        assert completion.model == "claude"
        response = await openai.responses.create(model="claude", input="What is a switch?", background=True)

        async def ended() -> Response | None:
            found = await openai.responses.retrieve(response.id)
            return found if found.status not in ("queued", "in_progress") else None

        done: Response = await eventually(ended, what="the response")
        assert (done.status, done.output_text[:11]) == ("completed", "[simulated]")
    async with AsyncAnthropic(base_url=url(live), api_key="any", _strict_response_validation=True) as anthropic:
        message = await anthropic.messages.create(model="technical_support", max_tokens=50, messages=HELLO)
        assert message.content[0].to_dict()["text"].startswith("[simulated]")  # type: ignore[union-attr] # it is a text block
        assert message.usage.output_tokens > 0


async def test_a_caller_who_hangs_up_stops_the_call(live: Live) -> None:
    live.change(base_seconds=60)
    body = {"model": "claude", "messages": HELLO}
    async with httpx.AsyncClient(base_url=url(live), verify=False) as http:
        asked = asyncio.create_task(http.post("/v1/chat/completions", json=body, timeout=60))
        await live.until_calling(1)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)

    async def stopped() -> bool:
        found = await live.jobs.list(JobState.CANCELLED)
        return len(found.jobs) == 1 and live.in_flight() == 0

    await eventually(stopped, what="the call stopped")
