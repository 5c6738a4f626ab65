"""A live Pointsman for the tests of the whole system."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from tests.support.live import Live, running_live
from tests.support.webhook_receiver import Receiver, running_receiver


@pytest_asyncio.fixture
async def live(settings: Settings, catalog: Catalog, tmp_path: Path) -> AsyncIterator[Live]:
    """A Pointsman of which nothing is started yet but Redis and the simulated server."""
    async with running_live(settings, catalog, tmp_path) as found:
        yield found


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver of webhooks on loopback."""
    async with running_receiver() as found:
        yield found
