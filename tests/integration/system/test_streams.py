"""Streams from end to end, on real parts: official clients, API process, dispatcher, Celery workers, HTTP."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from anthropic import AsyncAnthropic
from openai import APIError

from pointsman.local.ports import free_port
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.vocabulary.job import JobState
from tests.support.batch_files import openai_client
from tests.support.job_events import Event, read_events
from tests.support.job_streams import comments
from tests.support.live import Live, eventually, running_live
from tests.support.running_api import until_it_answers

HELLO: Any = [{"role": "user", "content": "What is a pointsman?"}]


@pytest_asyncio.fixture
async def live(settings: Settings, catalog: Catalog, tmp_path: Path) -> AsyncIterator[Live]:
    ours = settings.model_copy(update={"api_port": free_port()})
    async with running_live(ours, catalog, tmp_path) as found:
        found.api()
        found.dispatcher()
        for model in ("gpt-4", "claude", "gemini"):
            found.worker(model)
        async with httpx.AsyncClient(base_url=url(found), verify=False) as http:
            await until_it_answers(http)
        yield found


def url(live: Live) -> str:
    return f"http://127.0.0.1:{live.settings.api_port}"


@pytest.mark.parametrize("model", ["gpt-4", "claude", "gemini"])
async def test_the_openai_client_reads_the_stream_of_every_format(live: Live, model: str) -> None:
    live.change(base_seconds=0.2, tokens_per_second=30)
    async with openai_client(url(live)) as client:
        stream = await client.chat.completions.create(
            model=model, messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
    pieces = [
        chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content
    ]
    assert len(pieces) > 1, "it came at once"
    [job_id] = {chunk.id.removeprefix("chatcmpl-") for chunk in chunks}
    record = await live.jobs.get(job_id)
    assert record.result is not None
    assert "".join(pieces) == record.result.answer.text
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == record.result.answer.usage.output_tokens > 0
    assert record.history[-1].first_token_seconds is not None


async def test_the_anthropic_client_reads_the_stream_of_another_vendors_model(live: Live) -> None:
    live.change(base_seconds=0.2, tokens_per_second=30)
    client = AsyncAnthropic(base_url=url(live), api_key="any", _strict_response_validation=True)
    async with client, client.messages.stream(model="gpt-4", max_tokens=200, messages=HELLO) as stream:
        pieces = [piece async for piece in stream.text_stream]
        message = await stream.get_final_message()
    assert len(pieces) > 1
    assert "".join(pieces) == message.content[0].to_dict()["text"]
    assert message.usage.output_tokens > 0


async def test_a_stream_that_breaks_off_is_asked_to_the_client_and_not_called_again(live: Live) -> None:
    live.change(base_seconds=0.2, tokens_per_second=30, bad_response_rate=1.0, stream_breaks_at=0.5)
    async with openai_client(url(live)) as client:
        stream = await client.chat.completions.create(model="gpt-4", messages=HELLO, stream=True)
        pieces: list[str] = []
        with pytest.raises(APIError, match="broke off"):  # noqa: PT012 # the words before the break are wanted too
            async for chunk in stream:
                pieces.append(chunk.choices[0].delta.content or "")
    assert "".join(pieces)
    [record] = (await live.jobs.list(JobState.FAILED)).jobs
    assert record.attempts == 1


async def test_a_client_that_hangs_up_in_mid_stream_stops_the_call(live: Live) -> None:
    live.change(base_seconds=0.2, tokens_per_second=1, answer_tokens=300)
    async with openai_client(url(live)) as client:
        stream = await client.chat.completions.create(model="gpt-4", messages=HELLO, stream=True)
        async for chunk in stream:
            if chunk.choices[0].delta.content:
                break
        await stream.close()

    async def stopped() -> bool:
        found = await live.jobs.list(JobState.CANCELLED)
        return len(found.jobs) == 1 and live.in_flight() == 0

    await eventually(stopped, what="the call stopped")


async def test_job_events_have_the_same_words(live: Live) -> None:
    live.change(base_seconds=0.2, tokens_per_second=30)
    async with httpx.AsyncClient(base_url=url(live), verify=False, timeout=60) as http:
        body = {"prompt": "What is a pointsman?", "model": "claude", "stream": True}
        job_id = (await http.post("/v1/jobs", json=body)).json()["id"]
        events = await asyncio.wait_for(_all(http, job_id), 60)
    assert [event.name for event in events if event.name != "token"] == ["queued", "bound", "started", "done"]
    received = "".join(event.data["text"] for event in events if event.name == "token")
    assert received == events[-1].data["result"]["answer"]["text"]


async def _all(http: httpx.AsyncClient, job_id: str) -> list[Event]:
    return [event async for event in read_events(http, job_id)]


async def test_a_caller_sees_its_place_until_it_is_served(live: Live) -> None:
    await live.models.pause("gpt-4", reason="by the test")
    await live.submit(2, model="gpt-4")
    async with httpx.AsyncClient(base_url=url(live), verify=False, timeout=60) as http:
        body = {"model": "gpt-4", "messages": HELLO, "stream": True}
        async with http.stream("POST", "/v1/chat/completions", json=body) as reply:
            received = comments(reply)
            await received.until("pointsman queued, place 3")
            await live.models.resume("gpt-4")
            text = await received.rest()
            record = await live.jobs.get(reply.headers["x-pointsman-job-id"])
    assert record.result is not None
    assert text == record.result.answer.text


async def test_a_worker_killed_in_mid_stream_ends_the_stream_with_an_error(live: Live) -> None:
    live.change(tokens_per_second=50, answer_tokens=6000)
    async with openai_client(url(live)) as client:
        stream = await client.chat.completions.create(model="gpt-4", messages=HELLO, stream=True)
        while not (await anext(stream)).choices[0].delta.content:
            pass
        os.killpg(live.processes[2].pid, signal.SIGKILL)  # after API and dispatcher the first worker
        with pytest.raises(APIError) as caught:
            _ = [chunk async for chunk in stream]
    assert caught.value.code == "worker_lost"
