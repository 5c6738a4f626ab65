"""Redis refuses, forgets or is away in the middle of the work: every part says so, waits, and goes on by itself."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from pointsman.local.ports import free_port
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.vocabulary.job import JobState
from pointsman.simulated import SimulatedModel, Simulation
from tests.support.live import Live, eventually, running_live
from tests.support.redis_server import RedisServer, running_redis

SLOW = Simulation(default=SimulatedModel(base_seconds=0.8, answer_tokens=10, tokens_per_second=1000))
KEPT = {"appendonly": "yes", "appendfsync": "always"}
AWAY_SECONDS = 30.0
NOBODY = ("127.0.0.1", 1)
"""No server listens there, so that a replica of it keeps its data and takes no writes."""


@dataclass(frozen=True)
class Stage:
    """A dispatcher, a worker and the API, each a process, on one server that a test may trouble."""

    live: Live
    http: httpx.AsyncClient
    port: int
    folder: Path

    @contextmanager
    def redis(self) -> Iterator[RedisServer]:
        """Run the server inside the block, on its own port and with the data it had."""
        with running_redis(self.folder, port=self.port, options=KEPT) as server:
            yield server

    async def until_text(self, *parts: str, words: str) -> None:
        """Return once each part has said it in its log."""

        async def logged() -> bool:
            logs = {
                part: "".join(path.read_text() for path in self.live.folder.glob(f"{part}*.log")) for part in parts
            }
            return all(words in log for log in logs.values())

        await eventually(logged, what=f"{parts} say {words!r}: {self.live.logs()}")

    async def until_refused(self) -> None:
        """Submit over HTTP until that is refused, and look at the refusal."""

        async def refused() -> httpx.Response | None:
            reply = await self.submit()
            return reply if reply.status_code != 202 else None

        refusal: httpx.Response = await eventually(refused, what="a submit is refused")
        assert (refusal.status_code, refusal.json()["error"]["kind"]) == (503, "store_unavailable")
        assert int(refusal.headers["retry-after"]) >= 1

    async def submit(self) -> httpx.Response:
        """Submit a job over HTTP."""
        return await self.http.post("/v1/jobs", json={"prompt": "by HTTP", "task_class": "technical_support"})

    async def until_ready(self, *, status: int = 200) -> None:
        """Return once the API's readiness has this status."""

        async def ready() -> bool:
            try:
                return (await self.http.get("/readyz")).status_code == status
            except httpx.TransportError:
                return False

        await eventually(ready, what=f"/readyz answers {status}: {self.live.logs()}")

    async def assert_done_once(self, ids: Sequence[str]) -> None:
        """Every job succeeds, was paid once, and every process lives."""
        records = await self.live.until_done(ids)
        assert {record.state for record in records} == {JobState.SUCCEEDED}, self.live.logs()
        assert [self.live.paid(f"prompt {at}") for at in range(len(ids))] == [1] * len(ids), self.live.logs()
        assert all(process.poll() is None for process in self.live.processes), self.live.logs()


@pytest_asyncio.fixture
async def stage(settings: Settings, catalog: Catalog, tmp_path: Path) -> AsyncIterator[Stage]:
    """The server is not started yet."""
    folder, port = tmp_path / "redis", free_port()
    folder.mkdir()
    times = {"lease_seconds": 3.0, "release_seconds": 5.0}
    own = settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{port}/0", **times})
    url = f"http://127.0.0.1:{free_port()}"
    async with (
        running_live(own, catalog, tmp_path, SLOW) as live,
        httpx.AsyncClient(base_url=url, timeout=20, verify=False) as http,
    ):
        yield Stage(live, http, port, folder)


async def start(stage: Stage, jobs: int) -> list[str]:
    """Start every part, submit jobs, and return when the first are being called."""
    serve = (sys.executable, "-m", "pointsman", "serve")
    stage.live.start(*serve, name="api", POINTSMAN_API_PORT=str(stage.http.base_url.port))
    stage.live.dispatcher()
    stage.live.worker("gpt-4")
    await stage.until_ready()
    await stage.live.until_capacity(gpt_4=4)
    ids = await stage.live.submit(jobs, task_class="technical_support")

    async def calling() -> bool:
        return stage.live.in_flight() == 4

    await eventually(calling, what="four calls in flight")
    return ids


async def test_scripts_that_are_flushed_are_loaded_again(stage: Stage) -> None:
    with stage.redis():
        ids = await start(stage, 8)
        done = asyncio.create_task(stage.assert_done_once(ids))
        while not done.done():
            await stage.live.redis.script_flush()
            await asyncio.wait([done], timeout=0.02)
        await done


async def test_a_primary_that_becomes_a_replica_for_a_while_stops_the_work_and_loses_nothing(stage: Stage) -> None:
    with stage.redis():
        ids = await start(stage, 8)
        await stage.live.redis.replicaof(*NOBODY)
        await stage.until_refused()
        await stage.until_text("api", "dispatcher", "worker", words="the server takes no writes")
        await stage.live.redis.replicaof("NO", "ONE")
        await stage.assert_done_once(ids)
        assert (await stage.submit()).status_code == 202


async def test_with_its_memory_full_redis_takes_no_jobs_and_ends_those_it_has(stage: Stage) -> None:
    with stage.redis():
        ids = await start(stage, 8)
        used = (await stage.live.redis.info("memory"))["used_memory"]
        await stage.live.redis.config_set("maxmemory", used // 2)
        await stage.until_refused()
        late = stage.live.worker("claude")  # Celery's own writes are refused too
        await stage.assert_done_once(ids)
        await stage.until_text("worker-claude", words="Redis refuses to write")
        await stage.live.redis.config_set("maxmemory", 0)
        await stage.live.until_capacity(gpt_4=4, claude=4)
        await stage.live.until_done([(await stage.submit()).json()["id"]])
        assert late.poll() is None


@pytest.mark.chaos
async def test_redis_is_away_for_half_a_minute(stage: Stage) -> None:
    with stage.redis():
        ids = await start(stage, 24)
    back_at = asyncio.get_running_loop().time() + AWAY_SECONDS
    await stage.until_ready(status=503)
    assert (await stage.http.get("/healthz")).status_code == 200
    await stage.until_refused()
    await stage.until_text("api", "dispatcher", "worker", words="Redis cannot be reached")
    await asyncio.sleep(back_at - asyncio.get_running_loop().time())
    with stage.redis():
        await stage.assert_done_once(ids)
        await stage.until_ready()
        assert (await stage.submit()).status_code == 202
