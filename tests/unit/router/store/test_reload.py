"""A changed models.yaml in a running part: taken as a whole, or not at all."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog, load_catalog
from pointsman.router.runtime.cancellation import stop
from pointsman.router.store import CatalogReload, reload
from pointsman.router.vocabulary.errors import ConfigError

GOOD = """
models:
  gpt-4: {format: openai, base_url: "https://example.com", upstream: gpt-4}
task_classes:
  work: {models: [gpt-4]}
default_class: work
"""
OTHER = GOOD.replace("upstream: gpt-4", "upstream: gpt-5")
WRONG = GOOD.replace("default_class: work", "default_class: play").replace("https", "hppts")


class Asked:
    """What Redis knows of reloads."""

    def __init__(self) -> None:
        self.token: str | None = None

    async def hget(self, *_: str) -> str | None:
        return self.token


class Part:
    """A part that takes what it gets, unless it cannot."""

    def __init__(self, folder: Path) -> None:
        self.file, self.redis, self.taken, self.cannot = folder / "models.yaml", Asked(), list[Catalog](), ""
        self.file.write_text(GOOD)
        settings = Settings(models_file=self.file)
        self.first = load_catalog(self.file)
        redis: Any = self.redis
        self.reloads = CatalogReload(redis, settings=settings, catalog=self.first, take=self.take)
        self.has_taken = asyncio.Event()

    async def take(self, catalog: Catalog) -> None:
        if self.cannot:
            raise ConfigError(self.cannot)
        self.taken.append(catalog)
        self.has_taken.set()


@pytest.fixture
def part(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Part:
    caplog.set_level(logging.INFO)
    return Part(tmp_path)


async def test_a_changed_file_is_taken_and_one_that_says_the_same_is_not(
    part: Part, caplog: pytest.LogCaptureFixture
) -> None:
    part.file.write_text(GOOD + "# a remark\n")
    await part.reloads.reload()
    assert part.taken == []
    assert "in force already" in caplog.text
    part.file.write_text(OTHER)
    await part.reloads.reload()
    await part.reloads.reload()
    (taken,) = part.taken
    assert taken == load_catalog(part.file)
    assert f"version {taken.version} of the configuration is in force, after {part.first.version}" in caplog.text


async def test_a_wrong_file_changes_nothing_and_all_its_mistakes_are_told(
    part: Part, caplog: pytest.LogCaptureFixture
) -> None:
    part.file.write_text(WRONG)
    await part.reloads.reload()
    assert part.taken == []
    assert f"version {part.first.version} of the configuration stays in force" in caplog.text
    assert "models.gpt-4.base_url" in caplog.text
    assert "no task class is called 'play'" in caplog.text
    part.file.unlink()
    await part.reloads.reload()
    assert "the file does not exist" in caplog.text
    part.file.write_text(OTHER)
    await part.reloads.reload()
    assert len(part.taken) == 1


async def test_what_a_part_cannot_take_leaves_the_old_in_force_and_is_tried_again(
    part: Part, caplog: pytest.LogCaptureFixture
) -> None:
    part.file.write_text(OTHER)
    part.cannot = "the API key is missing: set OPENAI_API_KEY (model gpt-4)"
    await part.reloads.reload()
    assert "stays in force: the API key is missing" in caplog.text
    part.cannot = ""
    await part.reloads.reload()
    assert len(part.taken) == 1


async def test_a_request_through_redis_is_followed_once_and_an_old_one_is_not(
    part: Part, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reload, "LOOK_SECONDS", 0.001)
    part.redis.token = "of yesterday"
    looking = asyncio.create_task(part.reloads.run())
    part.file.write_text(OTHER)
    await asyncio.sleep(0.01)
    assert part.taken == []
    part.redis.token = "of today"
    async with asyncio.timeout(10):
        await part.has_taken.wait()
    await stop(looking)
    assert len(part.taken) == 1


async def test_an_edit_that_nobody_asked_to_take_is_reported_once(
    part: Part, caplog: pytest.LogCaptureFixture
) -> None:
    for text, words in ((OTHER, "this part still has"), (WRONG, "could not start again"), (GOOD, "")):
        caplog.clear()
        part.file.write_text(text)
        await part.reloads._report_edit()  # one look of those that run() makes
        await part.reloads._report_edit()
        assert len(caplog.records) == bool(words)
        assert words in caplog.text
    assert part.taken == []
