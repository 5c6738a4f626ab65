"""`client.batch`: jobs from a file or from elsewhere, with a callback for the progress, in both clients."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from pointsman import AsyncClient, Client
from pointsman.producer.client.progress import Progress
from pointsman.producer.errors import Conflict, InvalidJob, StoreUnavailable
from pointsman.producer.file_run import BatchSummary
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.runtime.cancellation import stop
from pointsman.router.vocabulary.errors import ConfigError
from tests.support.running_api import Api, running_api

SUPPORT = "technical_support"
LOST = "lost-job"
"""A job of this id is lost by Redis as soon as it is there."""


@pytest_asyncio.fixture
async def api(settings: Settings, catalog: Catalog) -> AsyncIterator[Api]:
    """An API beside which somebody does every job."""
    async with running_api(settings, catalog) as running:
        doing = asyncio.create_task(_do_jobs(running))
        yield running
        await stop(doing)


async def _do_jobs(api: Api) -> None:
    while True:
        found: Any = await api.redis.zrange(api.driver.keys.key("state", "pending"), 0, -1)
        for job_id in found:
            if job_id == LOST:
                await api.redis.delete(api.driver.keys.key("job", job_id))
                await api.redis.zrem(api.driver.keys.key("state", "pending"), job_id)
            else:
                await api.finish(job_id)
        await asyncio.sleep(0.01)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def kinds(summary: BatchSummary) -> list[str]:
    """Return why lines have no answer."""
    return [line["error"]["kind"] for line in lines(summary.errors)] if summary.errors else []


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(("batch-", "out"))]


async def test_jobs_from_elsewhere_keep_their_order(api: Api, tmp_path: Path) -> None:
    async def jobs() -> AsyncIterator[Any]:
        for at in range(30):
            yield {"prompt": f"job {at}", "metadata": {"at": str(at)}}

    updates: list[Progress] = []
    output = tmp_path / "out.jsonl"
    async with AsyncClient(api.url) as client:
        summary = await client.batch(jobs(), output, progress=updates.append, task_class=SUPPORT, window=7)
    assert (summary.total, summary.succeeded, summary.failed, summary.errors) == (30, 30, 0, None)
    assert sum(share.jobs for share in summary.models.values()) == 30
    assert [line["metadata"]["at"] for line in lines(output)] == [str(at) for at in range(30)]
    assert (updates[0].total, updates[0].ended, updates[-1].ended, updates[-1].seconds_left) == (30, 0, 30, 0.0)
    assert names(tmp_path) == ["out.jsonl"]


async def test_what_the_callback_raises_ends_it_and_it_can_be_gone_on_with(api: Api, tmp_path: Path) -> None:
    def enough(progress: Progress) -> None:
        if progress.ended:
            raise RuntimeError("enough")

    jobs, output = [f"job {at}" for at in range(40)], tmp_path / "out.jsonl"
    async with AsyncClient(api.url) as client:
        with pytest.raises(RuntimeError, match="enough"):
            await client.batch(jobs, output, progress=enough, task_class=SUPPORT, window=5)
        assert not output.exists()
        summary = await client.batch(jobs, output, task_class=SUPPORT, window=5)
    assert (summary.total, summary.succeeded) == (40, 40)
    assert 0 < summary.resumed < 40
    assert [line["line"] for line in lines(output)] == list(range(1, 41))


async def test_a_program_without_asyncio(api: Api, tmp_path: Path) -> None:
    updates: list[Progress] = []
    source = tmp_path / "in.jsonl"
    source.write_text("".join(f'{{"prompt": "job {at}"}}\n' for at in range(20)))

    def run() -> list[int]:
        with Client(api.url) as client:
            summary = client.batch(str(source), progress=updates.append, task_class=SUPPORT)
        assert summary.output == tmp_path / "in.results.jsonl"
        return [line["line"] for line in lines(summary.output)]

    assert await asyncio.to_thread(run) == list(range(1, 21))
    assert updates[-1].ended == 20


async def test_a_conflict_is_a_failure_of_its_line_alone(api: Api, tmp_path: Path) -> None:
    jobs = [{"prompt": f"job {at}", "task_class": SUPPORT} for at in range(10)]
    jobs[6]["id"] = "my-own-id"
    async with AsyncClient(api.url) as client:
        await client.submit("another", id="my-own-id", task_class=SUPPORT)
        with pytest.raises(Conflict):
            await client.submit(jobs[6])
        summary = await client.batch(jobs, tmp_path / "out.jsonl")
    assert (summary.succeeded, summary.failed) == (9, 1)
    assert kinds(summary) == ["conflict"]


async def test_a_result_that_has_expired_is_a_failure_of_its_line_alone(api: Api, tmp_path: Path) -> None:
    gone = {"prompt": "gone", "task_class": SUPPORT, "id": "gone-job", "priority": 3}
    async with AsyncClient(api.url) as client:
        await client.submit(gone)
        await client.wait(["gone-job"], timeout=20)
        await api.redis.delete(api.driver.keys.result("gone-job"))
        summary = await client.batch([gone, "x"], tmp_path / "out.jsonl", task_class=SUPPORT)
    assert kinds(summary) == ["result_expired"]


async def test_a_job_that_redis_has_lost_is_a_failure_of_its_line_alone(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pointsman.router.store.job_ends.LOOK_AGAIN_SECONDS", 0.2)
    jobs = [{"prompt": f"job {at}", "task_class": SUPPORT} for at in range(10)]
    jobs[4]["id"] = LOST
    async with AsyncClient(api.url) as client:
        summary = await client.batch(jobs, tmp_path / "out.jsonl")
    assert (summary.succeeded, kinds(summary)) == (9, ["unknown_job"])


async def test_wrong_use_is_reported_before_anything_is_sent(api: Api, tmp_path: Path) -> None:
    async with AsyncClient(api.url, retries=0) as client:
        with pytest.raises(ConfigError, match="need an output"):
            await client.batch(["x"])
        with pytest.raises(InvalidJob):
            await client.batch(["x"], tmp_path / "out.jsonl", priority=12)
        with pytest.raises(ConfigError, match="nothing was sent"):
            await client.batch(["x", {"prompt": ""}], tmp_path / "out.jsonl", strict=True)
        with pytest.raises(ConfigError, match="no interrupted run"):
            await client.cancel_batch(["x"], tmp_path / "out.jsonl")
    async with AsyncClient("http://127.0.0.1:1", retries=0) as nobody:
        with pytest.raises(StoreUnavailable):
            await nobody.batch(["x"], tmp_path / "out.jsonl")
    assert names(tmp_path) == []
