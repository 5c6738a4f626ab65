"""The steps of a batch, broken off where a killed process would break them off, and repeated by another one."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from pointsman.producer.batches.inputs import hold
from pointsman.producer.batches.output import Writing
from pointsman.producer.batches.steps import finish, submit, validate
from pointsman.producer.batches.work import Work
from pointsman.producer.files import FileFolder, StoredFile, new_file_id
from pointsman.router.config.settings import Settings
from pointsman.router.store import BatchStore, JobStore, NewBatch
from pointsman.router.vocabulary.batch import BatchRecord, BatchStatus, line_job_id, new_batch_id
from tests.support.batch_files import chat_line, jsonl
from tests.support.store_driver import Driver, success

LINES = 250
"""Three portions."""


@dataclass
class Bench:
    """One batch, and any number of processes that take it over from each other."""

    batch_id: str
    batches: BatchStore
    jobs: JobStore
    folder: FileFolder
    redis: Redis

    async def take(self) -> Work:
        """Take the batch over, as after a lease that ran out; the lease is renewed at every chance."""
        await self.redis.zadd(self.batches.keys.key("open_batches"), {self.batch_id: 0})
        held = await self.batches.claim()
        assert held is not None
        return Work(held, self.batches, self.jobs, self.folder, 10_000, renew_seconds=0.0)

    async def get(self) -> BatchRecord:
        return await self.batches.get(self.batch_id)

    async def pending(self) -> int:
        found: int = await self.redis.zcard(self.batches.keys.key("state", "pending"))
        return found

    def outputs(self) -> list[StoredFile]:
        return list(self.folder.files(tenant="acme", newest_first=False))


NewBench = Callable[[bytes], Awaitable[Bench]]


@pytest_asyncio.fixture
async def bench(bench_of: NewBench) -> Bench:
    return await bench_of(jsonl([chat_line(f"r{at}") for at in range(1, LINES + 1)]))


@pytest.fixture
def bench_of(jobs: JobStore, settings: Settings, redis: Redis) -> NewBench:
    """Make a batch of a file's content."""
    return partial(_bench_of, jobs, settings, redis)


async def _bench_of(jobs: JobStore, settings: Settings, redis: Redis, content: bytes) -> Bench:
    folder, batches, batch_id = FileFolder(settings.files_folder), BatchStore(jobs), new_batch_id()
    incoming = folder.begin("acme")
    incoming.write(content)
    given = StoredFile(
        id=new_file_id(), tenant="acme", filename="x", purpose="batch", size=len(content), created=int(time.time())
    )
    incoming.keep(given)
    hold(folder, batch_id, given, None)
    folder.delete(given)
    new = NewBatch(
        input_file_id=given.id, endpoint="/v1/chat/completions", completion_window="1h", window_seconds=3600
    )
    await batches.create(new, batch_id=batch_id, tenant="acme")
    return Bench(batch_id, batches, jobs, folder, redis)


async def test_a_check_that_broke_off_begins_anew(bench: Bench) -> None:
    first, second = await bench.take(), await bench.take()
    assert not await validate(first)  # it finds at its first portion that it is not its batch any more
    assert await validate(second)
    assert ((await bench.get()).status, (await bench.get()).total) == (BatchStatus.IN_PROGRESS, LINES)


async def test_lines_are_submitted_once_whoever_submits_them(bench: Bench) -> None:
    await validate(await bench.take())
    first = await bench.take()
    portions = [portion async for portion in first.portions()]
    assert len(portions) == 3
    second = await bench.take()
    assert not await submit(first)  # the first portion goes in, and the note of it is refused
    assert await bench.pending() == 100
    assert (await bench.get()).line == 0
    assert not await submit(second)
    assert await bench.pending() == LINES
    assert ((await bench.get()).line, (await bench.get()).jobs) == (LINES, LINES)


async def test_refused_lines_are_counted_over_all_portions(bench_of: NewBench) -> None:
    """Else the batch would wait for jobs that never were."""
    refused = {3, 4, 105, 250}
    lines = [chat_line(f"r{at}", "no-such-model" if at in refused else "gpt-4") for at in range(1, LINES + 1)]
    bench = await bench_of(jsonl(lines))
    await validate(await bench.take())
    await submit(await bench.take())
    batch = await bench.get()
    assert (batch.refused, batch.jobs) == (len(refused), LINES - len(refused))
    assert await bench.pending() == LINES - len(refused)
    await bench.batches.cancel_jobs(batch, range(1, LINES + 1))
    assert await submit(await bench.take()), "all have ended, and the output can be written"


async def test_files_are_written_once_whoever_writes_them(bench: Bench, driver: Driver) -> None:
    await validate(await bench.take())
    await submit(await bench.take())
    driver.now = int((await bench.get()).created * 1000)
    await driver.announce(slots=LINES)
    ids = [line_job_id(bench.batch_id, line) for line in range(1, LINES + 1)]
    for job_id in ids[:-1]:
        assert await driver.bind(job_id) == "bound"
        assert await driver.claim(job_id) is not None
        await driver.settle(job_id, settlement=success())
    assert await bench.batches.claim() is None
    await driver.cancel(ids[-1])
    assert await submit(await bench.take())
    first = await bench.take()
    Writing(bench.folder, first.batch)  # killed while it wrote: two files that nobody will ever see
    second = await bench.take()
    assert not await finish(second)
    ended = await bench.get()
    assert ended.status is BatchStatus.COMPLETED
    assert not await finish(first)
    assert await bench.get() == ended
    assert {file.id for file in bench.outputs()} == {ended.output_file_id, ended.error_file_id}
    output = next(file for file in bench.outputs() if file.id == ended.output_file_id)
    written = [json.loads(line) for line in bench.folder.path(output).read_bytes().splitlines()]
    assert [line["custom_id"] for line in written] == [f"r{at}" for at in range(1, LINES)]


async def test_a_batch_does_not_wait_for_ever(bench: Bench, redis: Redis) -> None:
    """No dispatcher runs, so nothing expires its jobs."""
    await validate(await bench.take())
    await submit(await bench.take())
    work = await bench.take()
    key = bench.batches.keys.key("batch", bench.batch_id)
    await redis.hset(key, "expires", int(time.time() * 1000) - 601_000)
    work.held.record = await bench.get()
    assert await submit(work)
    assert await bench.pending() == 0
    await finish(work)
    assert (await bench.get()).status is BatchStatus.COMPLETED
    assert (await bench.get()).unanswered == LINES
