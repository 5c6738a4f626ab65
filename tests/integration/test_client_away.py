"""What the clients do while the API or Redis is away, without a key, and in programs without asyncio."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from redis_server import running_redis
from running_api import Api, running_api

from pointsman import AsyncClient, Client
from pointsman.local.ports import free_port
from pointsman.producer.errors import ApiError, ApiUnavailable, InvalidJob, Unauthorized
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.vocabulary.job import JobState

SUPPORT = "technical_support"
ROOT = Path(__file__).parents[2]


@pytest_asyncio.fixture
async def api(settings: Settings, catalog: Catalog) -> AsyncIterator[Api]:
    async with running_api(settings, catalog) as running:
        yield running


async def test_an_api_that_is_not_there_is_unavailable() -> None:
    async with AsyncClient(f"http://127.0.0.1:{free_port()}", retries=1) as client:
        with pytest.raises(ApiUnavailable, match="can not be reached"):
            await client.submit("x")


async def test_a_wrong_key_is_not_tried_again(settings: Settings, catalog: Catalog) -> None:
    async with running_api(settings, catalog, api_keys=("right",)) as api:
        async with AsyncClient(api.url, "wrong") as client:
            with pytest.raises(Unauthorized):
                await client.submit("x")
        async with AsyncClient(api.url, "right") as client:
            assert await client.submit("x")


async def test_a_job_that_is_too_large_is_told(settings: Settings, catalog: Catalog) -> None:
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


def in_a_thread(work: Any) -> Any:
    return asyncio.to_thread(work)


async def test_the_sync_client_works_from_plain_threads(api: Api) -> None:
    def submit_and_cancel(client: Client) -> tuple[str, JobState]:
        job_id = client.submit("x", task_class=SUPPORT)
        return job_id, client.cancel(job_id)

    def work() -> None:
        with Client(api.url) as client:
            done: list[tuple[str, JobState]] = []
            threads = [threading.Thread(target=lambda: done.append(submit_and_cancel(client))) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert {state for _, state in done} == {JobState.CANCELLED}
            ids = [job_id for job_id, _ in done]
            assert [record.id for record in client.wait(ids, timeout=5)] == ids
            assert {record.id for record in client.as_finished(ids)} == set(ids)
            assert len(client.models()) == 3
            with pytest.raises(InvalidJob):
                client.submit("x", model="nothing")

    await in_a_thread(work)


async def test_the_sync_client_waits_for_a_result(api: Api) -> None:
    client = Client(api.url)
    job_id = await in_a_thread(lambda: client.submit("x", task_class=SUPPORT))
    waiting = asyncio.ensure_future(in_a_thread(lambda: client.result(job_id, timeout=10)))
    await api.until_subscribers(job_id, 1)
    await api.finish(job_id)
    assert (await waiting).answer.text == "42"
    await in_a_thread(client.close)
    await in_a_thread(client.close)
    with pytest.raises(RuntimeError, match="closed"):
        client.get(job_id)


async def test_the_sync_iterator_ends_with_its_time_and_with_its_caller(api: Api) -> None:
    def work() -> None:
        with Client(api.url) as client:
            ended, waits = client.submit_many(["a", "b"])
            client.cancel(ended)
            for record in client.as_finished([ended, waits]):
                assert record.id == ended
                break
            with pytest.raises(TimeoutError):
                list(client.as_finished([ended, waits], timeout=0.2))

    await in_a_thread(work)


WAITS_FOR_EVER = """
import sys
from pointsman import Client
with Client(sys.argv[1]) as client:
    job_id = client.submit("x")
    print(job_id, flush=True)
    try:
        if sys.argv[2] == "wait":
            client.wait([job_id])
        else:
            list(client.as_finished([job_id]))
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


@pytest.mark.parametrize("how", ["wait", "as_finished"])
async def test_ctrl_c_interrupts_a_wait_at_once(api: Api, how: str) -> None:
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WAITS_FOR_EVER, api.url, how, cwd=ROOT, stdout=subprocess.PIPE
    )
    assert program.stdout is not None
    job_id = (await program.stdout.readline()).decode().strip()
    await api.until_subscribers(job_id, 1)
    sent = time.monotonic()
    os.kill(program.pid, signal.SIGINT)
    assert await program.stdout.readline() == b"interrupted\n"
    assert await program.wait() == 0
    assert time.monotonic() - sent < 3
