"""The three sides of Redis for store tests: jobs (producer), rounds (dispatcher), work (worker)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from celery import Celery
from redis.asyncio import Redis

from pointsman.router.broker.message import celery_config
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.store import AttemptStore, JobStore, RoundStore
from tests.support.store_driver import Driver


@pytest.fixture
def jobs(redis: Redis, settings: Settings, catalog: Catalog) -> JobStore:
    """The producer's side."""
    return JobStore(redis, settings=settings, catalog=catalog)


@pytest.fixture
def rounds(redis: Redis, settings: Settings, catalog: Catalog) -> RoundStore:
    """The dispatcher's side."""
    return RoundStore(redis, settings=settings, catalog=catalog)


@pytest.fixture
def work(redis: Redis, settings: Settings) -> AttemptStore:
    """The worker's side."""
    return AttemptStore(redis, settings=settings)


@pytest.fixture
def driver(redis: Redis, settings: Settings, catalog: Catalog) -> Driver:
    """Drives all three sides with a clock that stands still until it is told to advance."""
    return Driver(redis, settings=settings, catalog=catalog)


@pytest.fixture
def app(settings: Settings) -> Iterator[Celery]:
    """A Celery client that knows nothing but our configuration."""
    client = Celery("client", set_as_current=False)
    client.conf.update(celery_config(settings))
    yield client
    client.close()
