"""Both ways in, over HTTP and straight to Redis, behave the same."""

from __future__ import annotations

import asyncio
import sys

import pytest

from pointsman import AsyncClient
from pointsman.producer.errors import Conflict, InvalidJob, JobFailed, UnknownJob
from pointsman.router.vocabulary.job import JobSpec, JobState
from tests.support.checkout import ROOT
from tests.support.running_api import Api
from tests.support.store_driver import failure

SUPPORT = "technical_support"

WITHOUT = """
import sys
missing = ("redis", "celery", "kombu", "sklearn", "scipy", "numpy", "fastapi", "uvicorn")
sys.modules.update(dict.fromkeys(missing))  # None stands for a package that cannot be imported
from pointsman import Client
with Client(sys.argv[1]) as client:
    [job_id] = client.submit_many(["x"], task_class="technical_support")
    print(job_id, client.get(job_id).state, len(client.models()), client.explain("x").outcome, client.dead())
    print(client.cancel(job_id), client.wait([job_id], timeout=20)[0].state)
    print(client.estimate_batch(["x"]).totals.jobs)
"""
"""A program on a host where only the HTTP transport's libraries are installed."""


async def test_a_job_is_submitted_and_its_result_awaited(client: AsyncClient, api: Api) -> None:
    job_id = await client.submit("My printer is on fire", task_class=SUPPORT, metadata={"ticket": "7"})
    record = await client.get(job_id)
    assert (record.state, record.metadata) == (JobState.PENDING, {"ticket": "7"})
    waiting = asyncio.create_task(client.result(job_id, timeout=10))
    await api.until_subscribers(job_id, 1)
    await api.finish(job_id)
    assert (await waiting).answer.text == "42"


async def test_a_result_that_is_there_already_needs_no_wait(client: AsyncClient, api: Api) -> None:
    job_id = await client.submit("x", task_class=SUPPORT)
    await api.finish(job_id)
    assert (await client.result(job_id, timeout=1)).answer.text == "42"


async def test_a_job_without_a_result_raises_its_kind(client: AsyncClient, api: Api) -> None:
    job_id = await client.submit("x", task_class=SUPPORT)
    await api.finish(job_id, failure("content_filtered"))
    with pytest.raises(JobFailed, match="content_filtered: it broke"):
        await client.result(job_id)


async def test_a_wait_ends_with_its_time(client: AsyncClient) -> None:
    job_id = await client.submit("x")
    with pytest.raises(TimeoutError):
        await client.result(job_id, timeout=0.1)
    with pytest.raises(TimeoutError):
        await client.wait([job_id], timeout=0)
    assert (await client.get(job_id)).state is JobState.PENDING


async def test_an_unknown_job_is_reported_by_every_method(client: AsyncClient) -> None:
    for job_id in ("never-was-there", "../models", ""):
        for call in (client.get(job_id), client.result(job_id), client.cancel(job_id), client.wait([job_id])):
            with pytest.raises(UnknownJob) as caught:
                await call
            assert caught.value.job_id == job_id


async def test_many_jobs_keep_their_order(client: AsyncClient) -> None:
    jobs = ["first", {"prompt": "second"}, JobSpec(prompt="third", priority=1)]
    ids = await client.submit_many(jobs, tenant="acme")
    assert len(set(ids)) == 3
    assert [(await client.get(job_id)).priority for job_id in ids] == [5, 5, 1]
    assert (await client.get(ids[2])).tenant == "acme"


async def test_more_jobs_than_one_portion_are_submitted(client: AsyncClient) -> None:
    ids = await client.submit_many(f"job {number}" for number in range(1201))
    assert len(set(ids)) == 1201


async def test_hundreds_of_calls_at_once_all_come_through(client: AsyncClient) -> None:
    ids = await asyncio.gather(*(client.submit("x") for _ in range(300)))
    assert len(set(ids)) == 300


async def test_no_jobs_are_no_ids(client: AsyncClient) -> None:
    assert await client.submit_many([]) == []
    assert await client.wait([]) == []


async def test_jobs_come_in_the_order_of_their_ends(client: AsyncClient, api: Api) -> None:
    ids = await client.submit_many(["a", "b", "c"], task_class=SUPPORT)
    order = [ids[2], ids[0], ids[1]]
    seen = []
    await api.finish(order[0])
    async for record in client.as_finished([*ids, ids[0]], timeout=10):
        seen.append(record.id)
        if len(seen) < 3:
            await api.finish(order[len(seen)])
    assert seen == order


async def test_more_jobs_than_one_can_ask_for_at_once_all_come(client: AsyncClient, api: Api) -> None:
    ids = await client.submit_many([f"job {number}" for number in range(150)], task_class=SUPPORT)
    for job_id in ids[:149]:
        await client.cancel(job_id)
    waiting = asyncio.create_task(client.wait(ids, timeout=20))
    await api.until_subscribers(ids[149], 1)
    await client.cancel(ids[149])
    assert [record.id for record in await waiting] == ids


async def test_who_stops_listening_leaves_no_subscription(client: AsyncClient, api: Api) -> None:
    ids = await client.submit_many(["a", "b"], task_class=SUPPORT)
    await api.finish(ids[0])
    records = client.as_finished(ids)
    assert (await anext(records)).id == ids[0]
    await records.aclose()
    await api.until_subscribers(ids[1], 0)


async def test_cancel_returns_the_state_now(client: AsyncClient, api: Api) -> None:
    waits, ended = await client.submit_many(["a", "b"], task_class=SUPPORT)
    await api.finish(ended)
    assert await client.cancel(waits) is JobState.CANCELLED
    assert await client.cancel(ended) is JobState.SUCCEEDED
    with pytest.raises(JobFailed, match="cancelled"):
        await client.result(waits)


async def test_another_request_under_a_known_id_is_a_conflict(client: AsyncClient) -> None:
    await client.submit("one", id="my-own-id")
    assert await client.submit("one", id="my-own-id") == "my-own-id"
    with pytest.raises(Conflict) as caught:
        await client.submit("other", id="my-own-id")
    assert caught.value.job_id == "my-own-id"


async def test_an_idempotency_key_makes_one_job(client: AsyncClient) -> None:
    first, second = [await client.submit("one", idempotency_key="order 7") for _ in range(2)]
    assert first == second


async def test_a_mistake_names_its_field(client: AsyncClient) -> None:
    for field, value in (("task_class", "nothing"), ("model", "nothing"), ("priority", 12)):
        with pytest.raises(InvalidJob) as caught:
            await client.submit({"prompt": "x", field: value})
        assert caught.value.field == field


async def test_a_dry_run_reports_that_no_model_can_take_the_job_now(client: AsyncClient) -> None:
    found = await client.explain("x", task_class=SUPPORT)
    assert (found.outcome, found.model) == ("wait", None)
    assert {one.model: one.ruled_out for one in found.candidates} == dict.fromkeys(
        ("gpt-4", "claude"), "no live worker"
    )


async def test_over_http_neither_redis_nor_celery_need_be_installed(api: Api) -> None:
    pipe = asyncio.subprocess.PIPE
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WITHOUT, api.url, cwd=ROOT, stdout=pipe, stderr=pipe
    )
    output, complaints = await asyncio.wait_for(program.communicate(), 60)
    assert program.returncode == 0, complaints.decode()
    job_id, *rest = output.decode().split()
    assert rest == ["pending", "3", "wait", "[]", "cancelled", "cancelled", "1"]
    assert (await api.get(job_id)).json()["state"] == "cancelled"


async def test_models_are_shown(client: AsyncClient) -> None:
    await client.submit("x", model="claude")
    views = {view.name: view for view in await client.models()}
    assert views["claude"].waiting == 1
    assert views["claude"].status.startswith("no live worker")
