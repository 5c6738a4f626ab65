"""Batches over HTTP: every way one can end, what is told meanwhile, and what a line may not be."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI
from openai.types import Batch

from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.store import Settlement
from pointsman.router.vocabulary.batch import line_job_id
from pointsman.router.vocabulary.job import JobState
from tests.support.batch_files import chat_line, create, jsonl, openai_client, read, until_status
from tests.support.live import eventually
from tests.support.running_api import Api, running_api
from tests.support.store_driver import failure, success


async def running(sdk: AsyncOpenAI, lines: list[dict[str, Any]], **more: Any) -> Batch:
    """Return a batch whose lines are all submitted."""
    batch = await create(sdk, jsonl(lines), **more)

    async def submitted() -> Batch | None:
        found = await sdk.batches.retrieve(batch.id)
        done = found.model_extra and found.model_extra["pointsman"]["submitted_lines"] == len(lines)
        return found if done else None

    found: Batch = await eventually(submitted, what="all lines submitted")
    return found


async def finish(api: Api, batch: Batch, line: int, end: Any = None) -> None:
    """End the job of one line as a worker would."""
    await api.finish(line_job_id(batch.id, line), end)


async def results(api: Api, batch: Batch, after: int = 0, limit: int = 100) -> tuple[list[dict[str, Any]], int]:
    """Return the lines that ended after a place, and the place to go on from."""
    reply = await api.http.get(f"/v1/batches/{batch.id}/results", params={"after": after, "limit": limit})
    assert reply.status_code == 200, reply.text
    return [json.loads(line) for line in reply.text.splitlines()], int(reply.headers["x-pointsman-after"])


async def test_a_byte_order_mark_is_no_part_of_the_first_line(sdk: AsyncOpenAI, api: Api) -> None:
    batch = await create(sdk, "\ufeff".encode() + jsonl([chat_line("a"), chat_line("b")]))
    batch = await until_status(sdk, batch.id, "in_progress")
    assert batch.request_counts is not None
    assert (batch.request_counts.total, batch.request_counts.failed) == (2, 0)


async def test_counts_and_results_are_there_while_it_runs(sdk: AsyncOpenAI, api: Api) -> None:
    batch = await running(sdk, [chat_line(name) for name in "abc"] + [chat_line("d", n=2)])
    assert batch.status == "in_progress"
    await finish(api, batch, 2)
    await finish(api, batch, 1, failure("content_filtered"))
    counts = (await sdk.batches.retrieve(batch.id)).request_counts
    assert counts is not None
    assert (counts.total, counts.completed, counts.failed) == (4, 1, 2)
    lines, after = await results(api, batch)
    assert [line["custom_id"] for line in lines] == ["d", "b", "a"]
    assert lines[2]["response"]["body"]["error"]["code"] == "content_filter"
    assert await results(api, batch, after) == ([], after)
    await finish(api, batch, 3)
    assert [line["custom_id"] for line in (await results(api, batch, after))[0]] == ["c"]
    batch = await until_status(sdk, batch.id)
    assert batch.status == "completed"
    assert [line["custom_id"] for line in await read(sdk, batch.output_file_id)] == ["b", "c"]
    assert [line["custom_id"] for line in await read(sdk, batch.error_file_id)] == ["a", "d"]
    assert len((await results(api, batch))[0]) == 4


async def test_a_batch_whose_lines_all_fail_is_completed_without_output(sdk: AsyncOpenAI, api: Api) -> None:
    batch = await running(sdk, [chat_line("a"), chat_line("b", "gpt-9")])
    await finish(api, batch, 1, failure("server_error"))
    batch = await until_status(sdk, batch.id)
    assert (batch.status, batch.output_file_id) == ("completed", None)
    errors = await read(sdk, batch.error_file_id)
    assert [line["response"]["status_code"] for line in errors] == [500, 404]
    assert all(line["error"] is None and line["response"]["body"]["error"]["message"] for line in errors)


async def test_usage_and_cost_are_summed_up_by_model(sdk: AsyncOpenAI, api: Api) -> None:
    batch = await running(sdk, [chat_line(name) for name in "abcd"])
    assert batch.usage is None
    for line, model, cost in ((1, "gpt-4", 0.25), (2, "gpt-4", 0.5), (3, "claude", None)):
        usage = {"input_tokens": 10, "output_tokens": 3, "cached_tokens": 4}
        answer = {"text": "42", "finish_reason": "stop", "usage": usage}
        result = {"answer": answer, "model": model, "seconds": 0.5, "cost_usd": cost}
        attempt = {"number": 1, "binding": 1, "model": model}
        await finish(api, batch, line, Settlement(state=JobState.SUCCEEDED, attempt=attempt, result=result))
    await finish(api, batch, 4, failure())
    batch = await until_status(sdk, batch.id)
    assert batch.usage is not None
    assert (batch.usage.input_tokens, batch.usage.output_tokens, batch.usage.total_tokens) == (30, 9, 39)
    assert batch.usage.input_tokens_details.cached_tokens == 12
    ours = (batch.model_extra or {})["pointsman"]
    spent = {"input_tokens": 20, "cached_tokens": 8, "output_tokens": 6}
    assert ours["models"]["gpt-4"] == {"requests": 2, **spent, "cost_usd": 0.75}
    assert ours["models"]["claude"]["cost_usd"] is None
    assert ours["cost_usd"] == 0.75


async def test_lines_that_are_all_refused_end_a_batch_at_once(sdk: AsyncOpenAI) -> None:
    batch = await until_status(sdk, (await create(sdk, jsonl([chat_line("a", "gpt-9")]))).id)
    assert (batch.status, batch.output_file_id) == ("completed", None)


async def test_a_cancelled_batch_keeps_what_is_finished(sdk: AsyncOpenAI, api: Api) -> None:
    batch = await running(sdk, [chat_line(name) for name in "abc"])
    await finish(api, batch, 2)
    assert (await sdk.batches.cancel(batch.id)).status in ("cancelling", "cancelled")
    batch = await until_status(sdk, batch.id)
    assert batch.status == "cancelled"
    assert batch.cancelling_at is not None
    assert batch.cancelled_at is not None
    assert [line["custom_id"] for line in await read(sdk, batch.output_file_id)] == ["b"]
    errors = await read(sdk, batch.error_file_id)
    assert [(line["custom_id"], line["error"]["code"], line["response"]) for line in errors] == [
        ("a", "batch_cancelled", None), ("c", "batch_cancelled", None),
    ]  # fmt: skip
    assert await api.driver.state(line_job_id(batch.id, 1)) is JobState.CANCELLED
    with pytest.raises(openai.ConflictError):
        await sdk.batches.cancel(batch.id)


async def test_lines_whose_time_is_over_end_an_expired_batch(sdk: AsyncOpenAI, api: Api) -> None:
    batch = await running(sdk, [chat_line("a"), chat_line("b")], window="1m")
    assert batch.expires_at == batch.created_at + 60
    job = await api.driver.get(line_job_id(batch.id, 2))
    assert abs(job.expires - batch.expires_at) < 2
    await finish(api, batch, 1)
    await api.driver.rounds.expire(now=round(job.expires * 1000) + 1)
    batch = await until_status(sdk, batch.id)
    assert batch.status == "expired"
    assert len(await read(sdk, batch.output_file_id)) == 1
    assert [line["error"]["code"] for line in await read(sdk, batch.error_file_id)] == ["batch_expired"]


async def test_only_what_has_no_answer_is_retried(sdk: AsyncOpenAI, api: Api) -> None:
    old = await running(sdk, [chat_line(name) for name in "abcd"])
    for line, end in enumerate((success(), failure(), success(), failure("timeout")), 1):
        await finish(api, old, line, end)
    old = await until_status(sdk, old.id)
    await sdk.files.delete(old.error_file_id or "")
    gone = await api.http.post(f"/v1/batches/{old.id}/retry")
    assert gone.status_code == 404
    before = await running(sdk, [chat_line(name) for name in "abcd"])
    for line, end in enumerate((success(), failure(), success(), failure("timeout")), 1):
        await finish(api, before, line, end)
    before = await until_status(sdk, before.id)
    reply = await api.http.post(f"/v1/batches/{before.id}/retry", headers={"idempotency-key": "once"})
    repeat = await api.http.post(f"/v1/batches/{before.id}/retry", headers={"idempotency-key": "once"})
    assert reply.json()["id"] == repeat.json()["id"]
    again = Batch.model_validate(reply.json())
    await until_status(sdk, again.id, "in_progress")
    await eventually(lambda: _exists(api, again, 4), what="the lines submitted again")
    await finish(api, again, 2)
    await finish(api, again, 4)
    again = await until_status(sdk, again.id)
    assert [line["custom_id"] for line in await read(sdk, again.output_file_id)] == ["b", "d"]
    assert again.request_counts is not None
    assert (again.request_counts.total, again.request_counts.completed) == (2, 2)
    assert again.error_file_id is None
    assert await sdk.batches.retrieve(before.id) == before
    assert (await api.http.post(f"/v1/batches/{again.id}/retry")).status_code == 409


async def _exists(api: Api, batch: Batch, line: int) -> bool:
    return (await api.driver.jobs.get_many([line_job_id(batch.id, line)]))[0] is not None


async def test_a_batch_goes_on_although_its_input_is_deleted(sdk: AsyncOpenAI, api: Api) -> None:
    batch = await running(sdk, [chat_line("a")])
    await sdk.files.delete(batch.input_file_id)
    await finish(api, batch, 1)
    assert (await until_status(sdk, batch.id)).status == "completed"


async def test_batches_are_listed_page_by_page(sdk: AsyncOpenAI) -> None:
    ids = [(await create(sdk, jsonl([chat_line("a")]))).id for _ in range(5)]
    assert [batch.id async for batch in sdk.batches.list(limit=2)] == ids[::-1]


async def test_the_same_request_under_one_key_is_one_batch(sdk: AsyncOpenAI, api: Api) -> None:
    file = await sdk.files.create(file=("a", jsonl([chat_line("a")])), purpose="batch")

    async def ask(window: Any = "24h") -> Batch:
        return await sdk.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window=window,
            extra_headers={"Idempotency-Key": "once"},
        )  # fmt: skip

    first, second = await asyncio.gather(ask(), ask())
    assert first.id == second.id
    with pytest.raises(openai.ConflictError):
        await ask("6h")


async def test_a_tenant_sees_its_own_batches_only(settings: Settings, catalog: Catalog) -> None:
    keys = ("acme:acme-key", "other:other-key", "master-key")
    async with running_api(settings, catalog, api_keys=keys) as api:
        async with openai_client(api.url, key="acme-key") as acme:
            batch = await running(acme, [chat_line("a")])
            assert (await api.driver.get(line_job_id(batch.id, 1))).tenant == "acme"
        async with openai_client(api.url, key="other-key") as other:
            for ask in (other.batches.retrieve, other.batches.cancel):
                with pytest.raises(openai.NotFoundError):
                    await ask(batch.id)
            for path in ("results", "retry"):
                headers = {"authorization": "Bearer other-key"}
                method = "GET" if path == "results" else "POST"
                reply = await api.http.request(method, f"/v1/batches/{batch.id}/{path}", headers=headers)
                assert reply.status_code == 404
            with pytest.raises(openai.BadRequestError):
                await other.batches.create(
                    input_file_id=batch.input_file_id, endpoint="/v1/chat/completions", completion_window="24h"
                )
            assert [found.id async for found in other.batches.list()] == []
        async with openai_client(api.url, key="master-key") as master:
            assert [found.id async for found in master.batches.list()] == [batch.id]
