"""docs/integrations.md, as it stands: every block is run against real parts, with only the models simulated."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from pointsman.local.ports import free_port
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from tests.support.checkout import ROOT
from tests.support.live import Live, running_live
from tests.support.running_api import until_it_answers

pytestmark = pytest.mark.xdist_group("integrations")  # the tests share what is started once

PAGE = ROOT / "docs" / "integrations.md"
BLOCKS = re.findall(
    r"^## ([^\n]+)$|^```(python|console)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S
)
KEY = "integrations-key"
SECONDS_AT_MOST = 100


def _blocks() -> list[object]:
    """Return the blocks of the page below its headings; what stands above the first one starts a Pointsman."""
    found: list[object] = []
    heading = ""
    for title, language, code in BLOCKS:
        heading = title or heading
        if code and heading:
            found.append(pytest.param(language, code, id=f"{heading}-{len(found)}"))
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def live(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Live]:
    """A Pointsman with one worker for all models; the blocks of the page share it, as a user's scripts would."""
    folder = tmp_path_factory.mktemp("integrations")
    settings = Settings(
        _env_file=None,
        redis_url=redis_url,
        key_prefix=f"t{secrets.token_hex(6)}:",
        files_folder=folder / "files",
        api_port=free_port(),
    )
    async with running_live(settings, _catalog(), folder) as found:
        serve = (sys.executable, "-m", "pointsman", "serve")
        found.start(*serve, name="api", POINTSMAN_API_KEYS=f"team:{KEY}")
        found.dispatcher()
        found.worker("gpt-4,llm.claude,llm.gemini")
        async with httpx.AsyncClient(base_url=_url(found), verify=False) as http:
            await until_it_answers(http)
        yield found


def _catalog() -> Catalog:
    able = {"abilities": ["tools", "json_schema"], "upstream": "test-model", "worker_concurrency": 8}
    homes = {
        "gpt-4": ("openai", "http://h/v1"),
        "claude": ("anthropic", "http://h"),
        "gemini": ("gemini", "http://h"),
    }
    return Catalog.model_validate(
        {
            "models": {name: {"format": kind, "base_url": url, **able} for name, (kind, url) in homes.items()},
            "task_classes": {
                "creative_writing": {"models": ["claude", "gemini"], "keywords": ["poem", "haiku"]},
                "general_information": {"models": list(homes)},
            },
            "default_class": "general_information",
        }
    )


def _url(live: Live) -> str:
    return f"http://127.0.0.1:{live.settings.api_port}"


@pytest.mark.parametrize(("language", "code"), _blocks())
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.timeout(SECONDS_AT_MOST + 20)
async def test_a_block_of_the_page_does_what_it_says(language: str, code: str, live: Live, tmp_path: Path) -> None:
    command = (
        [sys.executable, "-c", code] if language == "python" else ["bash", "-euo", "pipefail", "-c", _shell(code)]
    )
    status, output, errors = await _run(command, live, tmp_path)
    assert status == 0, f"{errors[-3000:]}\n{output[-1000:]}\n{live.logs()}"
    assert re.fullmatch(_expected(code) if language == "python" else r"(?s).*\[simulated\].*", output), output


async def _run(command: list[str], live: Live, folder: Path) -> tuple[int, str, str]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=_environment(live), stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe
    )
    try:
        output, errors = await asyncio.wait_for(process.communicate(), SECONDS_AT_MOST)
    finally:
        if process.returncode is None:
            process.kill()
    return process.returncode or 0, output.decode(), errors.decode()


def _environment(live: Live) -> dict[str, str]:
    """What the page tells its reader to set, and that LiteLLM is not to fetch prices from the internet."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("POINTSMAN_", "OPENAI_"))}
    return kept | {
        "OPENAI_BASE_URL": f"{_url(live)}/v1",
        "OPENAI_API_KEY": KEY,
        "ANTHROPIC_BASE_URL": _url(live),
        "ANTHROPIC_API_KEY": KEY,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    }


def _shell(code: str) -> str:
    return "\n".join(line.removeprefix("$ ") for line in code.splitlines())


def _expected(code: str) -> str:
    """Return the pattern of all lines that the comments behind `print` announce, each as often as it comes."""
    announced = re.findall(r"^ *print\(.*\)  # (.+)$", code, re.M)
    assert announced == [line for line in announced if line.strip()]
    assert len(announced) == len(re.findall(r"\bprint\(", code)), "a print does not say what it prints"
    return "".join(f"(?:{re.escape(line).replace(re.escape('...'), '.+')}\n)+" for line in announced)


def test_the_page_shows_every_client() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert len(_blocks()) >= 8
    for client in ("from openai", "from langchain_openai", "from anthropic", "import litellm", "$ curl"):
        assert client in text
