"""A host that has only IPv6: Redis, API, workers, clients and health checks, none of them on IPv4."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path

import httpx
import pytest

from pointsman import AsyncClient
from pointsman.local.embedded_redis import redis_server_command
from pointsman.local.ports import free_port
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from tests.support.live import running_live
from tests.support.redis_server import missing, start_server, stop_server
from tests.support.running_api import until_it_answers


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.parametrize("over", ["http", "redis"])
async def test_a_job_goes_its_whole_way(
    settings: Settings, catalog: Catalog, tmp_path_factory: pytest.TempPathFactory, over: str
) -> None:
    if not has_ipv6():
        missing("IPv6 on loopback")
    port, api_port = free_port(), free_port()
    command = redis_server_command(tmp_path_factory.mktemp("redis"), port)
    command[command.index("127.0.0.1")] = "::1"
    server = start_server(command, host="::1", port=port)
    changes = {"redis_url": f"redis://[::1]:{port}/0", "api_host": "::1", "api_port": api_port}
    own = settings.model_copy(update=changes)
    try:
        async with running_live(own, catalog, tmp_path_factory.mktemp("live")) as live:
            live.dispatcher()
            live.worker("gpt-4")
            live.api()
            api_url = f"http://[::1]:{api_port}"
            async with httpx.AsyncClient(base_url=api_url) as http:
                await until_it_answers(http)
            url = api_url if over == "http" else own.redis_url
            async with AsyncClient(url, models_file=live.models_file, key_prefix=own.key_prefix) as client:
                job_id = await client.submit("Why is the sky blue?", model="gpt-4")
                assert (await client.result(job_id, timeout=60)).answer.text
            assert await is_healthy("api", live.environment)
            assert await is_healthy("dispatcher", live.environment)
    finally:
        stop_server(server)


async def is_healthy(part: str, environment: dict[str, str]) -> bool:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pointsman", "health", part, env=environment, cwd=Path(__file__).parent
    )
    return await process.wait() == 0
