"""What a part says of its Redis before it starts: a cluster and one that evicts are refused in one sentence."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pointsman.local.ports import free_port, is_free
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.store import check_before_start, check_server, open_redis
from pointsman.router.store.jobs import JobStore
from pointsman.router.vocabulary.errors import ConfigError
from pointsman.router.vocabulary.job import JobSpec
from tests.support.redis_server import running_redis

PARTS = {
    "dispatch": ["dispatch"],
    "work": ["work", "--model", "gpt-4"],
    "webhooks": ["work", "--webhooks"],
    "serve": ["serve"],
    "flower": ["flower"],
    "up": ["up", "--no-flower", "--model", "gpt-4"],
}
CLUSTER = {"cluster-enabled": "yes"}
EVICTS = {"maxmemory-policy": "allkeys-lru", "maxmemory": "100mb"}
SECONDS = 60.0
BUS_IS_ABOVE = 10_000


def low_port() -> int:
    """Return a free port: a cluster listens on that plus 10 000 too, which has to be free as well."""
    return next(
        port for port in iter(free_port, None) if port < 55_000 and is_free("127.0.0.1", port + BUS_IS_ABOVE)
    )


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(
    ("options", "words"),
    [(CLUSTER, "POINTSMAN_REDIS_URL: Redis runs as a cluster"), (EVICTS, "maxmemory-policy is allkeys-lru")],
    ids=["cluster", "evicts"],
)
def test_every_part_refuses_it_in_one_sentence(
    part: str, options: dict[str, str], words: str, catalog: Catalog, tmp_path: Path
) -> None:
    models_file = tmp_path / "models.yaml"
    models_file.write_text(yaml.safe_dump(catalog.model_dump(mode="json", exclude_none=True)))
    with running_redis(tmp_path, port=low_port(), options=options) as server:
        environment = {
            "POINTSMAN_REDIS_URL": server.url,
            "POINTSMAN_MODELS_FILE": str(models_file),
            "POINTSMAN_API_PORT": str(free_port()),
            "POINTSMAN_FLOWER_PORT": str(free_port()),
        }
        command = [sys.executable, "-m", "pointsman", *PARTS[part]]
        run = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    assert run.returncode == 2, run.stderr
    assert words in run.stderr
    assert "Traceback" not in run.stderr


async def test_a_client_that_goes_straight_to_a_cluster_is_told_so(catalog: Catalog, tmp_path: Path) -> None:
    with running_redis(tmp_path, port=low_port(), options=CLUSTER) as server:
        redis = open_redis(server.url)
        await redis.execute_command("CLUSTER", "ADDSLOTS", *range(16_384))
        settings = Settings(_env_file=None, redis_url=server.url)
        with pytest.raises(ConfigError, match="Redis runs as a cluster"):
            await JobStore(redis, settings=settings, catalog=catalog).submit(JobSpec(prompt="hello"))
        await redis.aclose()


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        (EVICTS, Settings(_env_file=None, redis_may_evict=True)),
        ({"maxmemory-policy": "allkeys-lru"}, Settings(_env_file=None)),
    ],
    ids=["told otherwise", "without a limit of memory"],
)
async def test_one_that_may_evict_is_named_where_it_is_used(
    options: dict[str, str], settings: Settings, tmp_path: Path
) -> None:
    with running_redis(tmp_path, options=options) as server:
        redis = open_redis(server.url)
        warnings = await check_server(redis, settings)
        await redis.aclose()
    evicting = (
        "maxmemory-policy is allkeys-lru: Redis may throw jobs away when memory is short; set it to noeviction"
    )
    assert evicting in warnings


async def test_a_server_that_tells_nothing_is_taken_for_good(tmp_path: Path) -> None:
    with running_redis(tmp_path) as server:
        redis = open_redis(server.url)
        await redis.execute_command("ACL", "SETUSER", "mute", "on", ">x", "+@all", "-info", "-config", "~*", "&*")
        mute = open_redis(server.url.replace("127.0.0.1", "mute:x@127.0.0.1"))
        assert await check_server(mute, Settings(_env_file=None)) == []
        for client in (mute, redis):
            await client.aclose()


async def test_a_server_that_does_not_answer_holds_up_no_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pointsman.router.store.server_check.LONGEST_SECONDS", 0.2)
    with running_redis(tmp_path) as server:
        os.kill(server.pid, signal.SIGSTOP)
        try:
            async with asyncio.timeout(5):
                await check_before_start(Settings(_env_file=None, redis_url=server.url))
        finally:
            os.kill(server.pid, signal.SIGCONT)
