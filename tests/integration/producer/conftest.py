"""An API and a client for the tests of who asks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import yaml

from pointsman import AsyncClient
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from tests.support.running_api import Api, running_api


@pytest_asyncio.fixture
async def api(settings: Settings, catalog: Catalog) -> AsyncIterator[Api]:
    """The real API on a port of its own; a file whose API has other settings has its own fixture of this name."""
    async with running_api(settings, catalog) as running:
        yield running


@pytest.fixture
def models_file(catalog: Catalog, tmp_path: Path) -> Path:
    """The shared catalog as a file."""
    file = tmp_path / "models.yaml"
    file.write_text(yaml.safe_dump(catalog.model_dump(mode="json", exclude_none=True)))
    return file


@pytest_asyncio.fixture(params=["http", "redis"])
async def client(
    request: pytest.FixtureRequest, api: Api, settings: Settings, models_file: Path
) -> AsyncIterator[AsyncClient]:
    """Our client, over HTTP and straight to Redis: a test that asks for it runs once for each."""
    url = api.url if request.param == "http" else settings.redis_url
    async with AsyncClient(url, models_file=models_file, key_prefix=settings.key_prefix) as opened:
        yield opened
