"""Real Flower over HTTP: what its buttons do with a password, and that without one it only shows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import pytest_asyncio

from pointsman.local.ports import free_port
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.vocabulary.job import JobState
from tests.support.live import Live, eventually, running_live

PASSWORD = ("ada", "lovelace")


@pytest_asyncio.fixture
async def live(
    settings: Settings, catalog: Catalog, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Live]:
    async with running_live(settings, catalog, tmp_path_factory.mktemp("live")) as found:
        found.change(base_seconds=60.0)
        found.dispatcher()
        yield found


@asynccontextmanager
async def flower(live: Live, **environment: str) -> AsyncIterator[httpx.AsyncClient]:
    """Run Flower, and yield a client of it once it knows the worker."""
    port = free_port()
    live.start(
        live.python, "-m", "pointsman", "flower", name="flower", POINTSMAN_FLOWER_PORT=str(port), **environment
    )
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as http:

        async def answers() -> bool:
            try:
                return (await http.get("/healthcheck")).status_code in (200, 401)
            except httpx.TransportError:
                return False

        await eventually(answers, what="Flower", seconds=60)
        yield http


async def running_attempt(live: Live) -> tuple[str, str]:
    """Return the id of a job whose call runs, and that of its attempt."""
    [job_id] = await live.submit(1, task_class="technical_support", model="gpt-4")
    record = await live.until_state(job_id, "running")
    return job_id, f"{job_id}.{record.binding}"


async def test_with_a_password_revoking_an_attempt_cancels_its_job(live: Live) -> None:
    live.worker("gpt-4")
    job_id, attempt = await running_attempt(live)
    async with flower(live, POINTSMAN_FLOWER_BASIC_AUTH=":".join(PASSWORD)) as http:
        revoke = f"/api/task/revoke/{attempt}"
        assert (await http.post(revoke, data={"terminate": "true"})).status_code == 401
        reply = await http.post(revoke, data={"terminate": "true"}, auth=PASSWORD)
        assert reply.status_code == 200, reply.text
        [record] = await live.until_done([job_id])
        assert record.state is JobState.CANCELLED


async def test_with_a_password_a_worker_is_shut_down(live: Live) -> None:
    worker = live.worker("gpt-4")
    await live.until_capacity(gpt_4=4)
    async with flower(live, POINTSMAN_FLOWER_BASIC_AUTH=":".join(PASSWORD)) as http:

        async def known() -> str | None:
            reply = await http.get("/api/workers", params={"refresh": "true"}, auth=PASSWORD)
            return next(iter(reply.json()), None) if reply.status_code == 200 else None

        name = await eventually(known, what="the worker", seconds=30)
        assert (await http.post(f"/api/worker/shutdown/{name}", auth=PASSWORD)).status_code == 200

        async def ended() -> bool:
            return worker.poll() is not None

        await eventually(ended, what="the end of the worker", seconds=30)


async def test_without_a_password_flower_shows_and_changes_nothing(live: Live) -> None:
    live.worker("gpt-4")
    job_id, attempt = await running_attempt(live)
    async with flower(live) as http:
        assert (await http.get("/workers")).status_code == 200
        reply = await http.post(f"/api/task/revoke/{attempt}", data={"terminate": "true"})
        assert reply.status_code == 401
        assert (await live.jobs.get(job_id)).state is JobState.RUNNING
