"""POST /v1/jobs/finished: many jobs as they end, on one connection."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from pointsman import AsyncClient
from pointsman.producer.errors import ApiUnavailable, UnknownJob
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from tests.support.running_api import Api, running_api
from tests.support.store_driver import failure

WANTED = "/v1/jobs/finished"


async def lines(reply: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    async for line in reply.aiter_lines():
        if line:
            yield json.loads(line)


async def test_each_end_is_a_line_at_once(api: Api) -> None:
    ids = [await api.submit() for _ in range(3)]
    await api.finish(ids[1])
    seen = []
    async with api.http.stream("POST", WANTED, json={"ids": ids}) as reply:
        assert reply.headers["content-type"] == "application/x-ndjson"
        assert reply.headers["x-accel-buffering"] == "no"
        async for record in lines(reply):
            seen.append((record["id"], record["state"]))
            if len(seen) == 1:
                await api.finish(ids[2], failure("content_filtered"))
            if len(seen) == 2:
                await api.driver.cancel(ids[0])
    assert seen == [(ids[1], "succeeded"), (ids[2], "failed"), (ids[0], "cancelled")]


async def test_a_record_is_that_of_the_job(api: Api) -> None:
    job_id = await api.submit(metadata={"ticket": "7"})
    await api.finish(job_id)
    reply = await api.http.post(WANTED, json={"ids": [job_id]})
    assert reply.json() == (await api.get(job_id)).json()


async def test_an_unknown_job_is_reported_after_which_nothing_comes(api: Api) -> None:
    job_id = await api.submit()
    reply = await api.http.post(WANTED, json={"ids": [job_id, "never-was-there"]})
    assert reply.json()["error"]["kind"] == "unknown_job"
    assert reply.json()["error"]["job_id"] == "never-was-there"


async def test_a_job_of_another_tenant_is_unknown(settings: Settings, catalog: Catalog) -> None:
    async with running_api(settings, catalog, api_keys=("acme:one", "other:two")) as api:
        api.http.headers["authorization"] = "Bearer one"
        job_id = await api.submit()
        async with AsyncClient(api.url, "two") as client:
            with pytest.raises(UnknownJob):
                await client.wait([job_id, job_id + "x"], timeout=20)


@pytest.mark.parametrize("ids", [[], ["../x"], ["a" * 24] * 5001])
async def test_ids_are_checked(api: Api, ids: list[str]) -> None:
    reply = await api.http.post(WANTED, json={"ids": ids})
    assert reply.status_code == 422


async def test_a_quiet_stream_shows_that_somebody_is_there(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pointsman.producer.api.routes.finished.QUIET_SECONDS", 0.05)
    job_id = await api.submit()
    async with api.http.stream("POST", WANTED, json={"ids": [job_id]}) as reply:
        seen = []
        async for line in reply.aiter_lines():
            seen.append(line)
            if len(seen) == 2:
                await api.finish(job_id)
    assert seen[:2] == ["", ""]
    assert json.loads(seen[-1])["state"] == "succeeded"


async def test_a_server_that_ends_ends_the_stream_and_the_client_says_so(api: Api) -> None:
    ids = [await api.submit() for _ in range(2)]
    async with AsyncClient(api.url, retries=0) as client:
        records = client.as_finished(ids)
        await api.finish(ids[0])
        assert (await anext(records)).id == ids[0]
        api.serving.cancel()
        with pytest.raises(ApiUnavailable):
            await anext(records)
