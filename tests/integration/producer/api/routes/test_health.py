"""How the API says that it is well or not."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from pointsman.local.ports import free_port
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.vocabulary.job import JobRecord
from tests.support.redis_server import running_redis
from tests.support.running_api import SUPPORT, Api, running_api


async def test_without_redis_the_api_says_so_and_recovers(
    settings: Settings, catalog: Catalog, tmp_path: Path
) -> None:
    port = free_port()
    url = f"redis://127.0.0.1:{port}/0"
    async with running_api(settings, catalog, redis_url=url) as api:
        await expect_no_redis(api)
        with running_redis(tmp_path, port=port):
            assert (await api.http.get("/readyz")).status_code == 200
            job_id = await api.submit()
            JobRecord.model_validate((await api.get(job_id, wait=0.1)).json())
        await expect_no_redis(api)
        with running_redis(tmp_path, port=port):
            job_id = await api.submit()
            assert (await api.get(job_id, wait=0.1)).status_code == 200


async def expect_no_redis(api: Api) -> None:
    """Check every endpoint while Redis is away."""
    alive = await api.http.get("/healthz")
    assert (alive.status_code, alive.json()["redis"]) == (200, "away")
    assert (await api.http.get("/readyz")).status_code == 503
    for reply in (await api.http.post("/v1/jobs", json=SUPPORT), await api.http.get("/v1/models")):
        assert reply.status_code == 503
        assert reply.headers["retry-after"] == "2"
        assert reply.json()["error"]["kind"] == "store_unavailable"
        assert "127.0.0.1" not in reply.text


async def test_a_redis_that_hangs_is_not_ready(settings: Settings, catalog: Catalog, tmp_path: Path) -> None:
    with running_redis(tmp_path) as server:
        async with running_api(settings, catalog, redis_url=server.url) as api:
            assert (await api.http.get("/readyz")).status_code == 200
            os.kill(server.pid, signal.SIGSTOP)
            try:
                assert (await api.http.get("/readyz")).status_code == 503
            finally:
                os.kill(server.pid, signal.SIGCONT)
            assert (await api.http.get("/readyz")).status_code == 200
