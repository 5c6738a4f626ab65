"""docs/migrate.md, as it stands: the code before and the code after it are run, with only the models simulated."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from pointsman.local.ports import free_port
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import load_catalog
from tests.support.checkout import ROOT
from tests.support.live import Live, running_live
from tests.support.redis_server import running_redis
from tests.support.running_api import until_it_answers

PAGE = (ROOT / "docs" / "migrate.md").read_text(encoding="utf-8")
HEADING, COLUMN = r"^## ([^\n]+)$", r"^\*\*(Before|After)\*\*$"
FILE = r'^```(?:python|yaml) title="([\w.]+)"\n(.*?)^```$'
PARTS = re.compile(f"{HEADING}|{COLUMN}|{FILE}", re.M | re.S)
REDIS_OF_THE_PAGE = "redis://127.0.0.1:6379/0"
API_OF_THE_PAGE = "http://127.0.0.1:8300"
SECONDS_AT_MOST = 100


@dataclass(frozen=True)
class Block:
    """A file that the page shows; what stands in no column is for the time after."""

    heading: str
    before: bool
    file: str
    code: str


def _blocks() -> list[Block]:
    found: list[Block] = []
    heading, before = "", False
    for title, column, file, code in PARTS.findall(PAGE):
        heading, before = title or heading, column == "Before" if title or column else before
        if file:
            found.append(Block(heading, before, file, code))
    return found


def _scripts(*, before: bool) -> list[object]:
    shown = [block for block in _blocks() if block.before == before and "print(" in block.code]
    return [pytest.param(block, id=f"{block.heading}-{block.file}") for block in shown]


CATALOGS = [block for block in _blocks() if block.file == "models.yaml"]


@pytest.mark.parametrize("block", CATALOGS, ids=lambda block: block.heading)
def test_a_configuration_of_the_page_is_valid(block: Block, tmp_path: Path) -> None:
    file = tmp_path / "models.yaml"
    file.write_text(block.code)
    assert load_catalog(file).default_class == "questions"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def live(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Live]:
    """A Pointsman with the page's last configuration, on a Redis without prefixes, as a reader would have it."""
    folder = tmp_path_factory.mktemp("migrate")
    (folder / "page.yaml").write_text(CATALOGS[-1].code)
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        settings = Settings(
            _env_file=None, redis_url=server.url, files_folder=folder / "files", api_port=free_port()
        )
        async with running_live(settings, load_catalog(folder / "page.yaml"), folder) as found:
            found.api()
            found.dispatcher()
            found.worker("gpt-4,llm.claude")
            async with httpx.AsyncClient(base_url=_api(found), verify=False) as http:
                await until_it_answers(http)
            yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def by_hand(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the page's tasks.py, whose Celery worker runs on a database of its own."""
    folder = tmp_path_factory.mktemp("by_hand")
    tasks = next(block for block in _blocks() if block.file == "tasks.py")
    (folder / "tasks.py").write_text(_here(tasks, live))
    command = (sys.executable, "-m", "celery", "-A", "tasks", "worker", "-P", "threads", "-c", "16")
    live.start(*command, name="by-hand", **_vendors(live), PYTHONPATH=str(folder))
    return folder


@pytest.mark.parametrize("block", _scripts(before=True))
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.timeout(SECONDS_AT_MOST + 20)
async def test_what_stands_before_runs(block: Block, live: Live, by_hand: Path) -> None:
    await _check(block, live, by_hand, _vendors(live))


@pytest.mark.parametrize("block", _scripts(before=False))
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.timeout(SECONDS_AT_MOST + 20)
async def test_what_stands_after_runs(block: Block, live: Live, tmp_path: Path) -> None:
    await _check(block, live, tmp_path, {"PYTHONPATH": str(ROOT)})


@pytest.mark.asyncio(loop_scope="module")
async def test_the_fallback_by_hand_asks_the_second_vendor(live: Live, by_hand: Path) -> None:
    block = next(block for block in _blocks() if block.file == "fallback.py")
    nobody = _vendors(live) | {"OPENAI_BASE_URL": f"http://127.0.0.1:{free_port()}/v1"}
    await _check(block, live, by_hand, nobody)


def test_both_columns_show_the_same_work() -> None:
    assert len(_scripts(before=True)) >= 4
    files = {before: {block.file for block in _blocks() if block.before == before} for before in (True, False)}
    assert files[True] & files[False] == {"ask.py", "many.py", "errors.py"}


async def _check(block: Block, live: Live, folder: Path, environment: Mapping[str, str]) -> None:
    (folder / block.file).write_text(_here(block, live))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("POINTSMAN_")}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, block.file, cwd=folder, env={**kept, **environment}, stdout=pipe, stderr=pipe
    )
    try:
        shown, errors = await asyncio.wait_for(process.communicate(), SECONDS_AT_MOST)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, f"{errors.decode()[-3000:]}\n{live.logs()}"
    assert re.fullmatch(_expected(block.code), shown.decode()), shown.decode()


def _expected(code: str) -> str:
    """Return the pattern of the lines that comments behind a `print` announce; other prints must not be reached."""
    announced = re.findall(r"^ *print\(.*\)  # (.+)$", code, re.M)
    assert announced, "nothing says what it prints"
    return "".join(f"(?:{re.escape(line).replace(re.escape('...'), '.+')}\n)+" for line in announced)


def _here(block: Block, live: Live) -> str:
    """Return the code with the addresses of this test; the tasks by hand have a database of their own."""
    redis = live.settings.redis_url
    own = re.sub(r"/0$", "/1", redis) if block.before else redis
    return block.code.replace(REDIS_OF_THE_PAGE, own).replace(API_OF_THE_PAGE, _api(live))


def _api(live: Live) -> str:
    return f"http://127.0.0.1:{live.settings.api_port}"


def _vendors(live: Live) -> dict[str, str]:
    """Return what points the vendors' own SDKs at the simulated server."""
    urls = {name: model.base_url for name, model in live.catalog.models.items()}
    keys = {"OPENAI_API_KEY": "simulated", "ANTHROPIC_API_KEY": "simulated"}
    return {"OPENAI_BASE_URL": urls["gpt-4"], "ANTHROPIC_BASE_URL": urls["claude"], **keys}
