"""POST /v1/route: a dry run over HTTP, with the API's own application in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest_asyncio
from redis.asyncio import Redis

from pointsman.producer.api.app import create_app
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.store import AttemptStore, Offer


@pytest_asyncio.fixture
async def api(redis: Redis, settings: Settings, catalog: Catalog) -> AsyncIterator[httpx.AsyncClient]:
    """The API, with a worker for claude and none for the others."""
    await AttemptStore(redis, settings=settings).announce("w1", [Offer("claude", 4, "")], config="v1")
    app = create_app(settings, catalog)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            yield client


async def test_a_dry_run_shows_class_candidates_and_choice_and_submits_nothing(
    api: httpx.AsyncClient, redis: Redis, settings: Settings
) -> None:
    reply = await api.post("/v1/route", json={"prompt": "Write a haiku about rain", "strategy": "random"})
    assert reply.status_code == 200
    found = reply.json()
    assert (found["task_class"], found["classified_by"]) == ("creative_writing", "keyword 'haiku'")
    assert (found["outcome"], found["model"], found["strategy"]) == ("bind", "claude", "random")
    ruled_out = {one["model"]: one.get("ruled_out") for one in found["candidates"]}
    assert ruled_out == {"claude": None, "gemini": "no live worker"}
    kept = {key async for key in redis.scan_iter(f"{settings.key_prefix}*")}
    assert not [key for key in kept if ":job:" in key or ":lane" in key]


async def test_a_dry_run_says_which_field_is_wrong(api: httpx.AsyncClient) -> None:
    for field, value in (("strategy", "os:system"), ("model", "gpt-9"), ("task_class", "chess")):
        reply = await api.post("/v1/route", json={"prompt": "Hi", field: value})
        assert reply.status_code == 422
        assert reply.json()["error"]["field"] == field
    reply = await api.post("/v1/route", json={"prompt": "Hi", "metric": "beauty"})
    assert reply.json()["error"]["field"] == "metric"


async def test_a_dry_run_of_an_impossible_job_says_why_of_each_model(api: httpx.AsyncClient) -> None:
    reply = await api.post("/v1/route", json={"prompt": "Hi", "max_cost_usd": 0.1})
    assert reply.json()["outcome"] == "fail"
    assert "gemini: has no price" in reply.json()["reason"]
