"""Who is let in, how the API says that it is well or not, and what it says of its models."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import openai
import pytest
import pytest_asyncio
from anthropic import AsyncAnthropic
from batch_files import openai_client
from redis_server import running_redis
from running_api import SUPPORT, Api, running_api

from pointsman.local.ports import free_port
from pointsman.producer.api.serve import serve
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.vocabulary.errors import ConfigError
from pointsman.router.vocabulary.job import JobRecord


@pytest_asyncio.fixture
async def api(settings: Settings, catalog: Catalog) -> AsyncIterator[Api]:
    async with running_api(settings, catalog) as running:
        yield running


@pytest_asyncio.fixture
async def guarded(settings: Settings, catalog: Catalog) -> AsyncIterator[Api]:
    """An API with a key for all, and one for each of two tenants."""
    keys = ("master-key", "acme:acme-key", "other:other-key")
    async with running_api(settings, catalog, api_keys=keys) as running:
        yield running


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def test_without_a_known_key_nobody_comes_in(guarded: Api) -> None:
    for headers in ({}, bearer("wrong"), {"x-api-key": "acme"}, {"x-api-key": "schlüssel"}):
        encoded = {name: value.encode() for name, value in headers.items()}
        reply = await guarded.http.post("/v1/jobs", json=SUPPORT, headers=encoded)
        assert reply.status_code == 401
        assert reply.json()["error"]["kind"] == "unauthorized"
        assert reply.json()["error"]["request_id"] == reply.headers["x-request-id"]


async def test_a_key_opens_the_door(guarded: Api) -> None:
    for headers in (bearer("master-key"), {"x-api-key": "master-key"}):
        assert (await guarded.http.post("/v1/jobs", json=SUPPORT, headers=headers)).status_code == 202


async def test_probes_and_documentation_need_no_key(guarded: Api) -> None:
    for path in ("/healthz", "/readyz", "/docs", "/openapi.json"):
        assert (await guarded.http.get(path)).status_code == 200


async def test_a_tenants_key_sees_its_own_jobs_only(guarded: Api) -> None:
    reply = await guarded.http.post("/v1/jobs", json={**SUPPORT, "tenant": "other"}, headers=bearer("acme-key"))
    job_id = reply.json()["id"]
    assert reply.json()["tenant"] == "acme"
    for key, status in (("acme-key", 200), ("other-key", 404), ("master-key", 200)):
        assert (await guarded.http.get(f"/v1/jobs/{job_id}", headers=bearer(key))).status_code == status
    listed = {}
    for key in ("acme-key", "other-key"):
        page = await guarded.http.get("/v1/jobs", params={"state": "pending"}, headers=bearer(key))
        listed[key] = [job["id"] for job in page.json()["jobs"]]
    assert listed == {"acme-key": [job_id], "other-key": []}


async def test_a_tenants_key_cancels_its_own_jobs_only(guarded: Api) -> None:
    reply = await guarded.http.post("/v1/jobs", json=SUPPORT, headers=bearer("acme-key"))
    where = reply.headers["location"]
    assert (await guarded.http.delete(where, headers=bearer("other-key"))).status_code == 404
    assert (await guarded.http.delete(where, headers=bearer("acme-key"))).json()["state"] == "cancelled"


async def test_an_idempotency_key_belongs_to_its_tenant(guarded: Api) -> None:
    job = {**SUPPORT, "idempotency_key": "order 7"}
    ids = [
        (await guarded.http.post("/v1/jobs", json=job, headers=bearer(key))).json()["id"]
        for key in ("acme-key", "other-key")
    ]
    assert ids[0] != ids[1]


async def test_a_sane_request_id_is_kept_and_another_is_replaced(api: Api) -> None:
    kept = await api.http.get("/healthz", headers={"x-request-id": "trace-1.2"})
    assert kept.headers["x-request-id"] == "trace-1.2"
    replaced = await api.http.get("/healthz", headers={"x-request-id": "no good<script>"})
    assert len(replaced.headers["x-request-id"]) == 32


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/v2", 404), ("PUT", "/v1/jobs", 405)])
async def test_what_is_not_there_is_told_in_the_same_shape(api: Api, method: str, path: str, status: int) -> None:
    reply = await api.http.request(method, path)
    assert reply.status_code == status
    assert reply.json()["error"]["request_id"] == reply.headers["x-request-id"]


async def test_a_wrong_method_is_told_all_the_right_ones(api: Api) -> None:
    for path in ("/v1/jobs", "/v1/batches"):
        assert (await api.http.put(path)).headers["allow"] == "GET, POST"
    assert (await api.http.put("/v1/jobs/some-job")).headers["allow"] == "DELETE, GET"


async def test_an_unexpected_error_tells_nothing_but_its_request_id(api: Api) -> None:
    job_id = await api.submit()
    await api.redis.hset(api.driver.keys.key("job", job_id), "state", "secret nonsense")
    reply = await api.get(job_id)
    assert reply.status_code == 500
    assert reply.json()["error"]["kind"] == "internal"
    assert reply.json()["error"]["request_id"] == reply.headers["x-request-id"]
    assert "nonsense" not in reply.text


async def test_models_are_shown_and_one_without_workers_is_warned_of(api: Api) -> None:
    await api.submit(model="claude", task_class=None)
    reply = (await api.http.get("/v1/models")).json()
    assert [model["name"] for model in reply["models"]] == ["gpt-4", "claude", "gemini"]
    assert len(reply["warnings"]) == 2
    assert reply["warnings"][0].startswith("no dispatcher is running")
    assert reply["warnings"][1].startswith("claude: no live worker: 1 job")


async def test_the_api_describes_itself(api: Api) -> None:
    described = (await api.http.get("/openapi.json")).json()
    assert {"/v1/jobs", "/v1/jobs/batch", "/v1/jobs/{job_id}", "/v1/models", "/healthz", "/readyz"} <= set(
        described["paths"]
    )


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
    """Check every door while Redis is away."""
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


async def test_a_port_that_is_taken_is_a_clear_error(api: Api, settings: Settings, catalog: Catalog) -> None:
    taken = settings.model_copy(update={"api_port": httpx.URL(api.url).port})
    with pytest.raises(ConfigError, match="POINTSMAN_API_PORT: the API can not listen on 127"):
        await serve(taken, catalog)


async def test_a_small_reply_does_not_wait_for_an_acknowledgement(api: Api) -> None:
    started = time.monotonic()
    for _ in range(25):
        await api.http.get("/v2")
    assert time.monotonic() - started < 25 * 0.03  # Nagle's algorithm would hold each one back for 40 ms


async def test_the_official_clients_list_what_a_request_may_name(api: Api) -> None:
    names = ["gemini", "claude", "gpt-4", "general_information", "creative_writing", "technical_support", "auto"]
    async with openai_client(api.url) as client:
        assert sorted([model.id async for model in client.models.list()]) == sorted(names)
        assert (await client.models.retrieve("claude")).owned_by == "anthropic"
        with pytest.raises(openai.NotFoundError):
            await client.models.retrieve("gpt-9")
    async with AsyncAnthropic(
        base_url=api.url, api_key="any", _strict_response_validation=True, max_retries=0
    ) as anthropic:
        assert sorted([model.id async for model in anthropic.models.list()]) == sorted(names)
        assert (await anthropic.models.retrieve("auto")).lifecycle == "active"
