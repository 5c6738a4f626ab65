"""What the clients do while the API or Redis is away, and what they do not try again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pointsman import AsyncClient
from pointsman.local.ports import free_port
from pointsman.producer.errors import ApiError, ApiUnavailable, Unauthorized
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.vocabulary.job import JobState
from tests.support.redis_server import running_redis
from tests.support.running_api import Api, running_api

SUPPORT = "technical_support"


async def test_an_api_that_is_not_there_is_unavailable() -> None:
    async with AsyncClient(f"http://127.0.0.1:{free_port()}", retries=1) as client:
        with pytest.raises(ApiUnavailable, match="cannot be reached"):
            await client.submit("x")


async def test_a_wrong_key_is_not_tried_again(settings: Settings, catalog: Catalog) -> None:
    async with running_api(settings, catalog, api_keys=("right",)) as api:
        async with AsyncClient(api.url, "wrong") as client:
            with pytest.raises(Unauthorized):
                await client.submit("x")
        async with AsyncClient(api.url, "right") as client:
            assert await client.submit("x")


async def test_a_job_that_is_too_large_is_reported(settings: Settings, catalog: Catalog) -> None:
    async with running_api(settings, catalog, body_limit_bytes=2048) as api, AsyncClient(api.url) as client:
        with pytest.raises(ApiError, match="larger than 2048 bytes") as caught:
            await client.submit("x" * 3000)
        assert caught.value.status == 413


async def test_a_submit_whose_answer_is_lost_makes_one_job(api: Api) -> None:
    async with LossyProxy(api) as (url, passed), AsyncClient(url) as client:
        job_id = await client.submit("x", task_class=SUPPORT)
        assert len(passed) == 2
        page = await api.http.get("/v1/jobs", params={"state": "pending"})
        assert [job["id"] for job in page.json()["jobs"]] == [job_id]


class LossyProxy:
    """A TCP proxy before the API that drops the first answer after the API has done its work."""

    def __init__(self, api: Api) -> None:
        self._port = int(api.url.rsplit(":", 1)[1])
        self._passed: list[bytes] = []

    async def __aenter__(self) -> tuple[str, list[bytes]]:
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}", self._passed

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        api_reader, api_writer = await asyncio.open_connection("127.0.0.1", self._port)
        api_writer.write(await reader.read(65_536))
        answer = await api_reader.read(65_536)
        self._passed.append(answer)
        if len(self._passed) > 1:
            writer.write(answer)
            await writer.drain()
        for end in (writer, api_writer):
            end.close()


async def test_a_wait_goes_on_after_redis_was_away(settings: Settings, catalog: Catalog, tmp_path: Path) -> None:
    port = free_port()
    url, kept = f"redis://127.0.0.1:{port}/0", {"appendonly": "yes"}
    async with running_api(settings, catalog, redis_url=url) as api, AsyncClient(api.url) as client:
        with running_redis(tmp_path, port=port, options=kept):
            job_id = await client.submit("x", task_class=SUPPORT)
            waiting = asyncio.create_task(client.wait([job_id], timeout=30))
            await api.until_subscribers(job_id, 1)
        assert (await api.http.get("/readyz")).status_code == 503
        with running_redis(tmp_path, port=port, options=kept):
            await client.cancel(job_id)
            assert (await waiting)[0].state is JobState.CANCELLED
