"""The API on its port."""

from __future__ import annotations

import time

import httpx
import pytest

from pointsman.producer.api.serve import serve
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.vocabulary.errors import ConfigError
from tests.support.running_api import Api


async def test_the_api_describes_itself(api: Api) -> None:
    described = (await api.http.get("/openapi.json")).json()
    assert {"/v1/jobs", "/v1/jobs/batch", "/v1/jobs/{job_id}", "/v1/models", "/healthz", "/readyz"} <= set(
        described["paths"]
    )


async def test_a_port_that_is_taken_is_a_clear_error(api: Api, settings: Settings, catalog: Catalog) -> None:
    taken = settings.model_copy(update={"api_port": httpx.URL(api.url).port})
    with pytest.raises(ConfigError, match="POINTSMAN_API_PORT: the API cannot listen on 127"):
        await serve(taken, catalog)


async def test_a_small_reply_does_not_wait_for_an_acknowledgement(api: Api) -> None:
    seconds = []
    for _ in range(25):
        started = time.monotonic()
        await api.http.get("/v2")
        seconds.append(time.monotonic() - started)
    assert min(seconds) < 0.03  # Nagle's algorithm would hold each one back for 40 ms; a busy machine only some
