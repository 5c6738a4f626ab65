"""Who is let in: keys, and what each tenant may see."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from tests.support.running_api import SUPPORT, Api, running_api


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


async def test_a_key_opens_the_endpoint(guarded: Api) -> None:
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
