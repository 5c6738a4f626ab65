"""What all tests share: a real Redis for each test process, settings with their own key prefix, a small catalog."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.store import open_redis
from pointsman.router.vocabulary.errors import ConfigError
from tests.support.redis_server import missing, put_on_path, running_redis, server_in_use


def pytest_configure(config: pytest.Config) -> None:
    """Run all tests on the server that POINTSMAN_TEST_REDIS_SERVER names; processes of xdist inherit it by PATH."""
    chosen = os.environ.pop("POINTSMAN_TEST_REDIS_SERVER", None)
    if chosen:
        folder = TemporaryDirectory(prefix="pointsman-server-")
        config.add_cleanup(folder.cleanup)
        put_on_path(chosen, Path(folder.name))


LONG_FIRST = ("chaos", "integration/system", "integration/router/dispatcher", "integration")
"""Below tests/: where files of few and long tests are. A process that took one last would keep others waiting."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the folders whose tests take long."""
    ranks = [Path(__file__).parent / folder for folder in LONG_FIRST]

    def rank(item: pytest.Item) -> int:
        return next((at for at, folder in enumerate(ranks) if folder in item.path.parents), len(ranks))

    items.sort(key=rank)


def pytest_report_header() -> str:
    """Say which server it is."""
    return f"Redis server: {server_in_use()}"


@pytest.fixture(autouse=True)
def _no_foreign_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's POINTSMAN_* variables and .env file out of every test."""
    for name in list(os.environ):
        if name.upper().startswith("POINTSMAN_"):
            monkeypatch.delenv(name)
    monkeypatch.setitem(Settings.model_config, "env_file", None)


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Redis, one for each pytest process."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(running_redis(tmp_path_factory.mktemp("redis")))
        except ConfigError as error:
            missing(str(error))
        yield server.url


@pytest.fixture
def settings(redis_url: str, tmp_path: Path) -> Settings:
    """Settings with short times and a key prefix that no other test has."""
    return Settings(
        _env_file=None,
        redis_url=redis_url,
        key_prefix=f"t{secrets.token_hex(6)}:",
        files_folder=tmp_path / "files",
        lease_seconds=2,
        release_seconds=1,
        presence_seconds=6,
        upkeep_seconds=0.2,
        backoff_base_seconds=0.1,
        backoff_max_seconds=0.5,
    )


@pytest.fixture
def catalog() -> Catalog:
    """Three models, one of each wire format, and three task classes."""
    return Catalog.model_validate(
        {
            "models": {
                "gpt-4": _model("openai", "http://127.0.0.1:1/v1"),
                "claude": _model("anthropic", "http://127.0.0.1:1"),
                "gemini": _model("gemini", "http://127.0.0.1:1"),
            },
            "task_classes": {
                "technical_support": {"models": ["gpt-4", "claude"], "keywords": ["error", "crash", "not working"]},
                "creative_writing": {
                    "models": ["claude", "gemini"],
                    "keywords": ["poem", "haiku"],
                    "on_content_filtered": "other_vendor",
                },
                "general_information": {"models": ["gemini", "gpt-4", "claude"]},
            },
            "default_class": "general_information",
        }
    )


def _model(wire_format: str, base_url: str) -> dict[str, object]:
    common = {"upstream": "test-model", "worker_concurrency": 4, "vendor": wire_format}
    return {"format": wire_format, "base_url": base_url, **common}


@pytest_asyncio.fixture
async def redis(settings: Settings) -> AsyncIterator[Redis]:
    """The client every part of Pointsman uses."""
    client = open_redis(settings.redis_url)
    yield client
    await client.aclose()
