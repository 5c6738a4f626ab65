"""`pointsman move` as a process: it gives waiting jobs another class or model, and refuses what does not exist."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from tempfile import TemporaryFile

import pytest
from redis.asyncio import Redis

from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.store import JobStore
from pointsman.router.vocabulary.job import JobSpec
from pointsman.simulated.catalog import write_catalog
from tests.support.checkout import ROOT
from tests.support.warm_start import start_warm

SECONDS_AT_MOST = 60.0


async def move(settings: Settings, models_file: Path, *arguments: str) -> tuple[int, str, str]:
    """Run the command; returns status, output and errors."""
    settings = settings.model_copy(update={"models_file": models_file})
    with TemporaryFile() as output, TemporaryFile() as errors:
        command = (sys.executable, "-m", "pointsman", "move", *arguments)
        environment = {**os.environ, **settings.as_environment(), "COLUMNS": "160"}
        process = start_warm(command, cwd=ROOT, env=environment, stdout=output, stderr=errors)
        status = await asyncio.to_thread(process.wait, SECONDS_AT_MOST)
        output.seek(0)
        errors.seek(0)
        return status, output.read().decode(), errors.read().decode()


@pytest.fixture
def models_file(catalog: Catalog, tmp_path: Path) -> Path:
    write_catalog(catalog, tmp_path / "models.yaml")
    return tmp_path / "models.yaml"


async def test_waiting_jobs_go_to_another_class(
    redis: Redis, settings: Settings, catalog: Catalog, models_file: Path
) -> None:
    jobs = JobStore(redis, settings=settings, catalog=catalog)
    ids = await jobs.submit_many([JobSpec(prompt=str(at), task_class="technical_support") for at in range(3)])
    arguments = ("--from-class", "technical_support", "--to-class", "creative_writing")
    status, words, _ = await move(settings, models_file, *arguments)
    assert (status, words) == (0, "3 waiting jobs are moved to creative_writing\n")
    assert {(await jobs.get(job_id)).task_class for job_id in ids} == {"creative_writing"}
    assert await redis.zcard(jobs.keys.key("intake")) == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--from-class", "a", "--to-class", "nothing"), "no task class is called 'nothing'"),
        (("--from-model", "a", "--to-model", "nothing"), "no model is called 'nothing'"),
        (("--from-class", "a"), "give one of"),
        (("--from-class", "a", "--from-model", "b", "--to-model", "gpt-4"), "give one of"),
    ],
)
async def test_what_makes_no_sense_is_refused_in_words(
    settings: Settings, models_file: Path, arguments: tuple[str, ...], words: str
) -> None:
    status, _, errors = await move(settings, models_file, *arguments)
    assert status == 2
    assert words in errors
