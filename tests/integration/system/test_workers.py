"""Live Celery workers told to stop, to grow or to keep a time limit."""

from __future__ import annotations

import asyncio
import signal
import time

import pytest
from celery import Celery

from pointsman.router.broker.message import celery_config
from pointsman.router.vocabulary.job import JobState
from tests.support.live import Live, eventually


async def test_a_worker_asked_to_stop_ends_its_calls_and_takes_no_more(live: Live) -> None:
    live.change(base_seconds=1.5, jitter=0.0)
    live.dispatcher()
    first = live.worker("gpt-4")
    ids = await live.submit(8, task_class="technical_support")
    await live.until_state(ids[0], "running")
    first.send_signal(signal.SIGTERM)
    await live.until_capacity(gpt_4=0)
    assert await asyncio.to_thread(first.wait, 20) == 0
    begun = [record for record in await live.jobs.get_many(ids) if record and record.history]
    assert begun
    assert all(record.state is JobState.SUCCEEDED for record in begun), live.logs()
    live.worker("gpt-4")
    records = await live.until_done(ids)
    assert {record.state for record in records} == {JobState.SUCCEEDED}
    assert [live.paid(f"prompt {at}") for at in range(8)] == [1] * 8
    assert all(record.losses == 0 for record in records)


async def test_unclaimed_jobs_of_a_worker_asked_to_stop_go_elsewhere_within_a_second(live: Live) -> None:
    live.change(base_seconds=3.0, jitter=0.0)
    live.dispatcher()
    first, other = live.worker("gpt-4", "-c", "8"), live.worker("claude", "-c", "32")
    await live.until_capacity(gpt_4=8, claude=32)
    ids = await live.submit(8, model="gpt-4")
    await live.until_state(ids[-1], "running")
    waiting = await live.submit(8, task_class="technical_support", start=8, strategy=("round_robin",))

    async def one_in_the_queue() -> bool:
        return (await live.view("gpt-4")).depth > 8

    await eventually(one_in_the_queue, what="a job is bound to gpt-4 that no worker has taken")
    first.send_signal(signal.SIGTERM)
    stopped_at = time.time()
    records = await live.until_done(waiting)
    assert {(record.state, record.model) for record in records} == {("succeeded", "claude")}, live.logs()
    assert max(record.history[0].started for record in records) < stopped_at + 1
    assert await asyncio.to_thread(first.wait, 20) == 0
    assert other.poll() is None


async def test_a_pool_that_is_resized_over_remote_control_has_other_slots_at_once(live: Live) -> None:
    live.change(base_seconds=2.0, jitter=0.0)
    live.dispatcher()
    live.worker("gpt-4", "-c", "2")
    await live.until_capacity(gpt_4=2)
    control = Celery("someone", config_source=celery_config(live.settings)).control
    await asyncio.to_thread(control.pool_grow, 6, reply=True)
    await live.until_capacity(gpt_4=8)
    ids = await live.submit(8, model="gpt-4")
    await live.until_calling(8)
    active = await asyncio.to_thread(control.inspect(timeout=5).active)
    [tasks] = active.values()
    assert sorted(task["id"] for task in tasks) == sorted(f"{job_id}.1" for job_id in ids)
    await asyncio.to_thread(control.pool_shrink, 7, reply=True)
    await live.until_capacity(gpt_4=1)
    assert {record.state for record in await live.until_done(ids)} == {JobState.SUCCEEDED}, "calls in flight go on"


async def test_celerys_time_limit_ends_a_call_as_a_timeout_of_its_attempt(live: Live) -> None:
    live.change(base_seconds=60.0)
    live.dispatcher()
    live.worker("gpt-4", "--soft-time-limit", "1")
    [job_id] = await live.submit(1, model="gpt-4", max_attempts=2)
    [record] = await live.until_done([job_id])
    assert (record.state, record.error and record.error.kind) == (JobState.FAILED, "timeout"), live.logs()
    assert [attempt.reason for attempt in record.history] == ["the worker's time limit ended the call"] * 2


@pytest.mark.parametrize("how", ["its grace time ends", "it is told again"])
async def test_a_worker_asked_to_stop_waits_no_longer_than_it_may(live: Live, how: str) -> None:
    live.change(base_seconds=60.0)
    live.dispatcher()
    in_time = how == "its grace time ends"
    first = live.worker("gpt-4", POINTSMAN_GRACE_SECONDS="1" if in_time else "60")
    ids = await live.submit(3, task_class="technical_support")
    await live.until_calling(3)
    first.send_signal(signal.SIGTERM)
    if not in_time:
        await live.until_capacity(gpt_4=0)
        first.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(first.wait, 20) == 0
    live.change(base_seconds=0.05)
    live.worker("claude")
    for record in await live.until_done(ids):
        assert (record.state, record.losses) == (JobState.SUCCEEDED, 0), live.logs()
        assert record.history[0].kind == "worker_lost"
        assert record.history[0].reason == "the worker was stopped during the call"
        assert [attempt.number for attempt in record.history] == [1, 1], "the stopped call spends no attempt"


async def test_a_worker_asked_to_quit_gives_its_calls_back_at_once(live: Live) -> None:
    live.change(base_seconds=60.0)
    live.dispatcher()
    first = live.worker("gpt-4")
    ids = await live.submit(3, task_class="technical_support")
    await live.until_calling(3)
    first.send_signal(signal.SIGQUIT)
    await asyncio.to_thread(first.wait, 15)
    await live.until_capacity(gpt_4=0)
    records = await live.jobs.get_many(ids)
    assert [record.state for record in records if record] == [JobState.PENDING] * 3, live.logs()
    live.change(base_seconds=0.05)
    live.worker("claude")
    for record in await live.until_done(ids):
        assert record.state is JobState.SUCCEEDED
        assert record.losses == 0
        assert record.history[0].reason == "the worker was stopped during the call"
