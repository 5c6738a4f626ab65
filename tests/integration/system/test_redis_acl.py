"""A Redis user with the rights of docs/operations.md and no other: every part works, and nothing is refused."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from pointsman import AsyncClient
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.vocabulary.job import JobState
from tests.support.checkout import ROOT
from tests.support.live import Live, eventually, running_live
from tests.support.redis_server import RedisServer, running_redis

USER, PASSWORD = "pointsman", "secret"


def documented_rights() -> list[str]:
    """Return the words of the ACL rule in docs/operations.md."""
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    found = re.search(r"```text\n\s*ACL SETUSER pointsman on (.*?)```", page, re.DOTALL)
    assert found, "the rule stands in docs/operations.md"
    return found.group(1).replace(">PASSWORD", f">{PASSWORD}").split()


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[RedisServer]:
    with running_redis(tmp_path) as running:
        yield running


@pytest_asyncio.fixture
async def admin(server: RedisServer) -> AsyncIterator[Redis]:
    client: Redis = Redis.from_url(server.url, decode_responses=True)
    await client.execute_command("ACL", "SETUSER", USER, "reset", "on", *documented_rights())
    yield client
    await client.aclose()


@pytest_asyncio.fixture
async def live(
    server: RedisServer,
    admin: Redis,
    settings: Settings,
    catalog: Catalog,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Live]:
    url = f"redis://{USER}:{PASSWORD}@127.0.0.1:{server.port}/0"
    own = settings.model_copy(update={"redis_url": url, "key_prefix": ""})
    async with running_live(own, catalog, tmp_path_factory.mktemp("live")) as found:
        yield found


async def refused(admin: Redis) -> list[str]:
    """Return what the server refused to our user, INFO and CONFIG apart, which are only asked for."""
    log = await admin.execute_command("ACL", "LOG")
    entries = [
        dict(zip(entry[::2], entry[1::2], strict=True)) if isinstance(entry, list) else entry for entry in log
    ]
    words = [f"{entry['reason']} {entry['object']}" for entry in entries if entry["username"] == USER]
    return [line for line in words if line not in ("command info", "command config|get")]


async def test_every_part_works_with_the_documented_rights(live: Live, admin: Redis) -> None:
    dispatcher = live.dispatcher()
    live.worker("gpt-4")
    live.sender()
    live.api()
    done, cancelled = await live.submit(2, task_class="technical_support", model="gpt-4")
    async with AsyncClient(live.settings.redis_url, models_file=live.models_file, key_prefix="") as client:
        assert (await client.result(done, timeout=60)).answer.text
    await live.until_done([cancelled])
    assert dispatcher.poll() is None
    assert await refused(admin) == []


async def test_a_running_call_is_cancelled_with_the_documented_rights(live: Live, admin: Redis) -> None:
    live.change(base_seconds=60.0)
    live.dispatcher()
    live.worker("gpt-4")
    [job_id] = await live.submit(1, task_class="technical_support", model="gpt-4")
    await live.until_state(job_id, "running")
    await live.jobs.cancel(job_id)
    [record] = await live.until_done([job_id])
    assert record.state is JobState.CANCELLED

    async def stopped() -> bool:
        return live.in_flight() == 0

    await eventually(stopped, what="the call was stopped", seconds=20)
    assert await refused(admin) == []


async def test_a_user_without_a_right_is_told_which_in_one_line(live: Live, admin: Redis) -> None:
    await admin.execute_command("ACL", "SETUSER", USER, "-evalsha", "-eval")
    dispatcher = live.dispatcher()

    async def said() -> bool:
        return "Redis forbids its user what Pointsman needs" in live.logs()

    await eventually(said, what="the reason", seconds=30)
    assert dispatcher.poll() is None
    assert "Traceback" not in live.logs()
