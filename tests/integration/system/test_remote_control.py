"""Celery's remote control of live workers, by a Celery client that knows nothing but where Redis is."""

from __future__ import annotations

import asyncio
import subprocess
from typing import Any

import pytest
from celery import Celery
from celery.exceptions import TaskRevokedError

from pointsman.router.vocabulary.errors import JobFailed
from pointsman.router.vocabulary.job import JobState
from tests.support.live import Live, eventually


async def asked(call: Any, *args: Any, **options: Any) -> Any:
    """Call what blocks."""
    return await asyncio.to_thread(call, *args, **options)


async def until_no_call(live: Live) -> None:
    """Wait until no call is in flight."""

    async def none() -> bool:
        return live.in_flight() == 0

    await eventually(none, what="the call was stopped", seconds=10)


async def start(live: Live, *, seconds: float) -> None:
    """Start a dispatcher, and a worker of gpt-4 whose calls take so long."""
    live.change(base_seconds=seconds)
    live.dispatcher()
    live.worker("gpt-4", "-c", "1")
    await live.until_capacity(gpt_4=1)


@pytest.mark.parametrize("terminate", [False, True])
@pytest.mark.parametrize("by", ["job", "task"])
async def test_a_revoke_cancels_a_running_job_and_stops_its_call(
    live: Live, app: Celery, terminate: bool, by: str
) -> None:
    await start(live, seconds=60.0)
    [job_id] = await live.submit(1, model="gpt-4")
    record = await live.until_state(job_id, "running")
    target = job_id if by == "job" else f"{job_id}.{record.binding}"
    await asked(app.AsyncResult(target).revoke, terminate=terminate)
    [record] = await live.until_done([job_id])
    assert (record.state, record.error and record.error.message) == (JobState.CANCELLED, "it was revoked")
    assert app.AsyncResult(job_id).state == "REVOKED"
    await until_no_call(live)
    live.change(base_seconds=0.05)
    [other] = await live.until_done(await live.submit(1, model="gpt-4", start=10))
    assert other.state is JobState.SUCCEEDED, "the worker goes on"


@pytest.mark.parametrize("terminate", [False, True])
async def test_a_revoke_cancels_a_waiting_job(live: Live, app: Celery, terminate: bool) -> None:
    await start(live, seconds=60.0)
    ids = await live.submit(3, model="gpt-4")
    await live.until_state(ids[0], "running")
    await asked(app.AsyncResult(ids[2]).revoke, terminate=terminate)
    [record] = await live.until_done([ids[2]])
    assert record.state is JobState.CANCELLED
    with pytest.raises((JobFailed, TaskRevokedError)):
        await asked(app.AsyncResult(ids[2]).get, 5)
    assert live.paid("prompt 2") == 0


async def test_the_state_of_a_job_is_that_of_its_job_all_the_way(live: Live, app: Celery) -> None:
    await start(live, seconds=1.5)
    app.conf.result_backend = f"pointsman.result_backend:JobBackend+{live.settings.redis_url}"
    ids = await live.submit(4, model="gpt-4", strategy=("least_connections",))
    await live.until_state(ids[0], "running")
    running, last = app.AsyncResult(ids[0]), app.AsyncResult(ids[3])
    assert (running.state, running.info) == ("STARTED", {"model": "gpt-4", "attempt": 1})
    assert (last.state, last.info) == ("PENDING", {"model": None, "attempt": 0, "position": 3})
    await asked(last.revoke, terminate=True)
    assert (await live.until_done([ids[3]]))[0].state is JobState.CANCELLED
    assert (last.state, app.AsyncResult(ids[2]).state) == ("REVOKED", "PENDING")
    await live.until_done(ids)
    assert [app.AsyncResult(job_id).state for job_id in ids] == ["SUCCESS"] * 3 + ["REVOKED"]


async def test_a_revoke_of_a_job_that_has_ended_says_so_and_changes_nothing(live: Live, app: Celery) -> None:
    await start(live, seconds=0.05)
    [job_id] = await live.submit(1, model="gpt-4")
    await live.until_done([job_id])
    [reply] = await asked(app.control.revoke, job_id, reply=True, timeout=5)
    assert next(iter(reply.values())) == {"ok": f"{job_id}: has ended already, succeeded"}
    assert app.AsyncResult(job_id).state == "SUCCESS"


@pytest.mark.parametrize("command", ["revoke", "terminate"])
async def test_an_unknown_id_is_refused_in_words_and_gets_no_state(live: Live, app: Celery, command: str) -> None:
    await start(live, seconds=0.05)
    arguments = {"task_id": ["later-job"], "signal": "TERM"}
    [reply] = await asked(app.control.broadcast, command, arguments=arguments, reply=True, timeout=5)
    assert next(iter(reply.values())) == {"error": "later-job: no such job"}
    assert app.AsyncResult("later-job").state == "PENDING"
    await live.submit(1, model="gpt-4", id="later-job")
    assert (await live.until_done(["later-job"]))[0].state is JobState.SUCCEEDED
    assert app.AsyncResult("later-job").state == "SUCCESS"


async def test_many_are_cancelled_at_once_and_each_is_named(live: Live, app: Celery) -> None:
    await start(live, seconds=60.0)
    ids = await live.submit(20, model="gpt-4")
    [reply] = await asked(app.control.revoke, [*ids, "no-such-job"], reply=True, timeout=10)
    words = next(iter(reply.values()))["ok"]
    assert all(f"{job_id}: cancelled" in words for job_id in ids)
    assert "no-such-job: no such job" in words
    assert {record.state for record in await live.until_done(ids)} == {JobState.CANCELLED}


async def test_a_worker_of_webhooks_alone_cancels_a_revoked_job_too(live: Live, app: Celery) -> None:
    live.sender()
    [job_id] = await live.submit(1, model="gpt-4")

    async def cancelled() -> bool:
        await asked(app.AsyncResult(job_id).revoke)
        record = await live.jobs.get(job_id)
        return record is not None and record.state is JobState.CANCELLED

    await eventually(cancelled, what=f"the job is cancelled; {live.logs()}")


async def test_a_revoke_by_stamps_is_refused(live: Live, app: Celery) -> None:
    await start(live, seconds=0.05)
    found = await asked(
        app.control.broadcast,
        "revoke_by_stamped_headers",
        arguments={"headers": {"a": ["b"]}},
        reply=True,
        timeout=5,
    )
    assert "no stamps" in next(iter(found[0].values()))["error"]


@pytest.mark.parametrize("limit", ["10/m", "1/h", 5])
async def test_a_rate_limit_is_refused_with_a_pointer_and_starves_nobody(
    live: Live, app: Celery, limit: str | int
) -> None:
    await start(live, seconds=0.05)
    for task in ("pointsman.attempt", "pointsman.webhook"):
        [reply] = await asked(app.control.rate_limit, task, limit, reply=True, timeout=5)
        assert "models.yaml" in next(iter(reply.values()))["error"]
    [reply] = await asked(app.control.rate_limit, "pointsman.attempt", "0", reply=True, timeout=5)
    assert "ok" in next(iter(reply.values()))
    records = await live.until_done(await live.submit(15, model="gpt-4"))
    assert {(record.state, record.binding) for record in records} == {(JobState.SUCCEEDED, 1)}


async def test_celerys_command_line_prints_why_a_rate_limit_is_refused(live: Live) -> None:
    await start(live, seconds=0.05)
    command = (live.python, "-m", "celery", "-A", "pointsman", "control", "rate_limit", "pointsman.attempt", "10/m")
    done = await asked(
        subprocess.run, command, cwd=live.works_in, env=live.environment, capture_output=True, text=True, timeout=60
    )
    assert "models.yaml" in done.stdout + done.stderr
