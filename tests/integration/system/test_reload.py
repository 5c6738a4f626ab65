"""A changed models.yaml in a running Pointsman: dispatcher, worker and API take it without a restart."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from pointsman import AsyncClient, InvalidJob
from pointsman.local.ports import free_port
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog, load_catalog
from pointsman.simulated.catalog import write_catalog
from tests.support.live import Live, eventually, running_live

PARTS = ("api", "dispatcher", "worker-gpt-4")


@pytest_asyncio.fixture
async def live(settings: Settings, catalog: Catalog, tmp_path: Path) -> AsyncIterator[Live]:
    ours = settings.model_copy(update={"api_port": free_port()})
    async with running_live(ours, catalog, tmp_path) as found:
        found.api()
        found.dispatcher()
        found.worker("gpt-4", "-c", "4")
        await found.until_capacity(gpt_4=4)
        yield found


def changed(live: Live) -> str:
    """Write a catalog with another upstream and a new alias; returns its version."""
    data = live.catalog.model_dump(mode="json", exclude_none=True)
    data["models"]["gpt-4"]["upstream"] = "gpt-4-of-tomorrow"
    data["aliases"] = {"newest": ["gpt-4"]}
    write_catalog(Catalog.model_validate(data), live.models_file)
    return load_catalog(live.models_file).version


async def until_said(live: Live, words: str) -> None:
    """Wait until the log of each part has these words."""

    async def said() -> bool:
        logs = [path.read_text() for part in PARTS for path in live.folder.glob(f"{part}-*.log")]
        return len(logs) == len(PARTS) and all(words in log for log in logs)

    await eventually(said, what=f"{words}; logs: {live.logs()}")


async def test_a_changed_file_is_reported_and_then_taken_by_every_part(live: Live) -> None:
    async with AsyncClient(f"http://127.0.0.1:{live.settings.api_port}") as client:
        before = await client.submit("before", model="gpt-4")
        assert (await client.result(before, timeout=30)).answer.upstream_model != "gpt-4-of-tomorrow"
        version = changed(live)
        await until_said(live, f"has version {version} now, and this part still has")
        with pytest.raises(InvalidJob, match="no model is called 'newest'"):
            await client.submit("too early", model="newest")

        command = live.start(live.python, "-m", "pointsman", "reload", name="reload")
        assert await asyncio.to_thread(command.wait, 30) == 0
        await until_said(live, f"version {version} of the configuration is in force")
        after = await client.submit("after", model="newest")
        assert (await client.result(after, timeout=30)).answer.upstream_model == "gpt-4-of-tomorrow"
    assert await live.redis.hget(live.jobs.keys.key("config"), "version") == version


async def test_a_wrong_file_changes_nothing_and_a_signal_takes_the_right_one(live: Live) -> None:
    good = live.models_file.read_text()
    live.models_file.write_text(good.replace("default_class:", "default_clas:"))
    for process in live.processes:
        os.kill(process.pid, signal.SIGHUP)
    await until_said(live, "stays in force")
    await until_said(live, "default_clas: there is no such field; did you mean default_class?")
    await live.until_done(await live.submit(2, model="gpt-4"))

    version = changed(live)
    for process in live.processes:
        os.kill(process.pid, signal.SIGHUP)
    await until_said(live, f"version {version} of the configuration is in force")
    (record,) = await live.until_done(await live.submit(1, model="gpt-4", start=9))
    assert record.result is not None
    assert record.result.answer.upstream_model == "gpt-4-of-tomorrow"
    assert all(process.poll() is None for process in live.processes)
