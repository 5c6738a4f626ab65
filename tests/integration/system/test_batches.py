"""Batches through the unchanged openai client, on real parts: API process, dispatcher, Celery workers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletion
from openai.types.responses import Response

from pointsman.local.ports import free_port
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from tests.support.batch_files import chat_line, create, jsonl, openai_client, read, until_status
from tests.support.live import Live, eventually, running_live
from tests.support.running_api import until_it_answers


@pytest_asyncio.fixture
async def live(settings: Settings, catalog: Catalog, tmp_path: Path) -> AsyncIterator[Live]:
    ours = settings.model_copy(update={"api_port": free_port()})
    async with running_live(ours, catalog, tmp_path) as found:
        yield found


@pytest_asyncio.fixture
async def client(live: Live) -> AsyncIterator[AsyncOpenAI]:
    async with openai_client(f"http://127.0.0.1:{live.settings.api_port}") as found:
        yield found


async def start_api(live: Live) -> Any:
    """Start an API process and wait until it answers."""
    process = live.api()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{live.settings.api_port}") as http:
        await until_it_answers(http)
    return process


async def test_a_batch_goes_from_upload_to_output(live: Live, client: AsyncOpenAI) -> None:
    await start_api(live)
    live.dispatcher()
    live.worker("gpt-4")
    live.worker("claude")
    models = ["gpt-4", "technical_support", "auto", "claude"]
    lines = [chat_line(f"request-{at}", models[at % 4], user="me") for at in range(20)]
    lines[7] = chat_line("request-7", "gpt-9")
    lines[8] = chat_line("request-8", logprobs=True)
    batch = await create(client, jsonl(lines))
    assert batch.status in ("validating", "in_progress")
    batch = await until_status(client, batch.id)
    assert batch.status == "completed", batch
    assert batch.request_counts is not None
    assert (batch.request_counts.total, batch.request_counts.completed, batch.request_counts.failed) == (20, 18, 2)

    answers = await read(client, batch.output_file_id)
    assert [answer["custom_id"] for answer in answers] == [f"request-{at}" for at in range(20) if at not in (7, 8)]
    for answer in answers:
        assert (answer["response"]["status_code"], answer["error"]) == (200, None)
        completion = ChatCompletion.model_validate(answer["response"]["body"], strict=True)
        assert (completion.choices[0].message.content or "").startswith("[simulated]")
        assert answer["response"]["body"]["pointsman"]["ignored"] == ["user"]
    refused = {answer["custom_id"]: answer for answer in await read(client, batch.error_file_id)}
    assert {name: line["error"] for name, line in refused.items()} == {"request-7": None, "request-8": None}
    seven, eight = refused["request-7"]["response"], refused["request-8"]["response"]
    assert (seven["status_code"], seven["body"]["error"]["code"]) == (404, "model_not_found")
    assert (eight["status_code"], eight["body"]["error"]["param"]) == (400, "logprobs")

    assert batch.usage is not None
    spent = [answer["response"]["body"]["usage"] for answer in answers]
    assert batch.usage.total_tokens == sum(usage["total_tokens"] for usage in spent)
    ours = (batch.model_extra or {})["pointsman"]
    assert sum(model["requests"] for model in ours["models"].values()) == 18
    assert set(ours["models"]) <= {"gpt-4", "claude"}
    assert [live.paid(f"Say request-{at}") for at in range(20)] == [int(at not in (7, 8)) for at in range(20)]


async def test_a_batch_of_responses(live: Live, client: AsyncOpenAI) -> None:
    await start_api(live)
    live.dispatcher()
    live.worker("gpt-4")
    body = {"model": "gpt-4", "input": "What is a pointsman?", "instructions": "Be brief"}
    lines = [{"custom_id": "a", "method": "POST", "url": "/v1/responses", "body": body}]
    batch = await until_status(client, (await create(client, jsonl(lines), "/v1/responses", "30m")).id)
    answers = await read(client, batch.output_file_id)
    response = Response.model_validate(answers[0]["response"]["body"], strict=True)
    assert response.output_text.startswith("[simulated]")
    assert response.instructions == "Be brief"
    assert batch.expires_at == batch.created_at + 1800


@pytest.mark.slow
async def test_a_batch_outlives_the_api_that_began_it(live: Live, client: AsyncOpenAI) -> None:
    first = await start_api(live)
    live.dispatcher()
    live.worker("gpt-4", "-c", "50")
    padding = "x" * 20_000  # so that there are several portions
    lines = [
        chat_line(f"r{at}", pointsman={"context": {"topic": "trains"}}, metadata={"p": "q"}) for at in range(150)
    ]
    for line in lines:
        line["body"]["messages"].insert(0, {"role": "system", "content": padding})
    batch = await create(client, jsonl(lines))

    async def submitting() -> bool:
        found = await client.batches.retrieve(batch.id)
        return bool(found.model_extra and found.model_extra["pointsman"]["submitted_lines"])

    await eventually(submitting, what="some lines submitted")
    first.kill()
    await asyncio.to_thread(first.wait)
    await start_api(live)
    done = await until_status(client, batch.id)
    assert done.status == "completed"
    answers = await read(client, done.output_file_id)
    assert [answer["custom_id"] for answer in answers] == [f"r{at}" for at in range(150)]
    assert {live.paid(f"Say r{at}") for at in range(150)} == {1}
