"""Producers of a newer version beside live workers of an older one: what is readable does not wait for the rest."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.router.store import AttemptStore, Offer
from pointsman.router.store import attempts as worker_side
from pointsman.router.store import jobs as producer_side
from pointsman.router.vocabulary.job import PAYLOAD_SCHEMA, JobState
from tests.support.live import Live, eventually

NEWER = PAYLOAD_SCHEMA + 1


async def test_readable_jobs_pass_newer_ones_which_a_newer_worker_gets(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.dispatcher()
    live.worker("gpt-4", "-c", "4")
    await live.until_capacity(gpt_4=4)
    with monkeypatch.context() as patch:
        patch.setattr(producer_side, "PAYLOAD_SCHEMA", NEWER)
        newer = await live.submit(60, start=1000, model="gpt-4", priority=9)
    readable = await live.submit(100, model="gpt-4")
    records = await live.until_done(readable)
    assert {record.state for record in records} == {JobState.SUCCEEDED}, live.logs()
    waiting = [record for record in await live.jobs.get_many(newer) if record is not None]
    assert {(record.state, record.attempts, record.history) for record in waiting} == {(JobState.PENDING, 0, ())}
    stats: Any = await live.redis.hget(live.jobs.keys.key("stats", "gpt-4"), "served")  # type: ignore[misc] # redis-py types are of both clients
    assert int(stats) == len(readable), "none of the others was even bound"
    assert (await live.view("gpt-4")).requests_last_minute == len(readable)
    await _newer_workers_take_over(live, monkeypatch, newer)


async def _newer_workers_take_over(live: Live, monkeypatch: pytest.MonkeyPatch, newer: list[str]) -> None:
    live.processes[1].terminate()
    await live.until_capacity(gpt_4=0)
    work = AttemptStore(live.redis, settings=live.settings)

    async def bound() -> bool:
        with monkeypatch.context() as patch:
            patch.setattr(worker_side, "PAYLOAD_SCHEMA", NEWER)
            await work.announce("newer", [Offer("gpt-4", 2, "")], config="v1")
        return (await live.view("gpt-4")).depth == 2

    await eventually(bound, what="jobs are bound to the worker that announced that it reads them")
    held: Any = await live.redis.zrange(live.jobs.keys.key("bound", "gpt-4"), 0, -1)
    assert set(held) <= set(newer)
