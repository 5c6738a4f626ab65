"""The API does what its own document says: schemathesis tries every operation, with models behind them."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from pointsman.local.ports import free_port
from pointsman.producer.api import create_app
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.simulated import SimulatedModel, Simulation
from tests.support.live import Live, running_live
from tests.support.running_api import until_it_answers

HERE = Path(__file__).parent
KEY = "document-key"
EXAMPLES = os.environ.get("POINTSMAN_FUZZ_EXAMPLES", "3")
SEED = os.environ.get("POINTSMAN_FUZZ_SEED", "1")
SECONDS_AT_MOST = 300.0 + 30.0 * int(EXAMPLES)
LINE = b'{"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "auto"}}'
AT_ONCE = SimulatedModel(base_seconds=0, answer_tokens=5, tokens_per_second=100_000)


@pytest_asyncio.fixture
async def live(settings: Settings, catalog: Catalog, tmp_path: Path) -> AsyncIterator[Live]:
    """All parts, with one worker for all models; every answer comes at once."""
    ours = settings.model_copy(update={"api_port": free_port(), "lease_seconds": 15, "release_seconds": 10})
    async with running_live(ours, catalog, tmp_path, Simulation(default=AT_ONCE)) as found:
        found.start(sys.executable, "-m", "pointsman", "serve", name="api", POINTSMAN_API_KEYS=f"team:{KEY}")
        found.dispatcher()
        found.worker("gpt-4,llm.claude,llm.gemini")
        yield found


@pytest.mark.slow
@pytest.mark.timeout(SECONDS_AT_MOST + 60)
async def test_every_answer_is_one_that_the_document_describes(live: Live) -> None:
    url = f"http://127.0.0.1:{live.settings.api_port}"
    async with httpx.AsyncClient(base_url=url, headers={"x-api-key": KEY}, verify=False) as http:
        await until_it_answers(http)
        file = await http.post("/v1/files", files={"file": LINE}, data={"purpose": "batch"})
    status, output = await _schemathesis(
        url, live.folder, POINTSMAN_API_KEY=KEY, POINTSMAN_FILE_ID=file.json()["id"]
    )
    assert status == 0, output[-20_000:]
    assert re.search(r"Operations: +(\d+) selected / \1 total", output), output


async def _schemathesis(url: str, folder: Path, **environment: str) -> tuple[int, str]:
    command = (
        sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml"), "run",
        f"{url}/openapi.json", "--max-examples", EXAMPLES, "--seed", SEED, "--continue-on-failure", "--no-color",
    )  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=os.environ | {"PYTHONPATH": str(HERE)} | environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        output, _ = await asyncio.wait_for(process.communicate(), SECONDS_AT_MOST)
    finally:
        if process.returncode is None:
            process.kill()
    return process.returncode or 0, output.decode(errors="replace")


def _references(part: Any) -> set[str]:
    """Return every name that a part of the document refers to."""
    return set(re.findall(r"'\$ref': '#/components/schemas/([^']+)'", str(part)))


def test_the_document_refers_to_nothing_that_is_not_there(settings: Settings, catalog: Catalog) -> None:
    document = create_app(settings, catalog).openapi()
    assert _references(document) <= document["components"]["schemas"].keys()
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_the_document_names_the_models_and_classes_of_the_catalog(settings: Settings, catalog: Catalog) -> None:
    job = create_app(settings, catalog).openapi()["components"]["schemas"]["JobSpec"]["properties"]
    assert job["model"]["anyOf"][0]["enum"] == sorted(catalog.models)
    assert job["task_class"]["anyOf"][0]["enum"] == sorted(catalog.task_classes)
    assert "contextual" not in job["strategy"]["items"]["enum"]


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/chat/completions", "/v1/messages"])
def test_each_endpoint_reports_its_errors_in_its_own_shape(settings: Settings, catalog: Catalog, path: str) -> None:
    answers = create_app(settings, catalog).openapi()["paths"][path]["post"]["responses"]
    shape = {"/v1/jobs": "Error", "/v1/messages": "AnthropicError"}.get(path, "OpenAIError")
    output = {status: _references(answer) for status, answer in answers.items() if status >= "400"}
    assert output.keys() >= {"401", "409", "413", "503"}
    assert all(names == {shape} for names in output.values())
