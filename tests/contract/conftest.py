"""Fixtures of the contract tests: each of the three formats, a loopback server, an HTTP client, llmock."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from pointsman.router.runtime.http import AsyncClient, open_client
from pointsman.workers.providers import FORMATS
from tests.support.llmock_process import LLMockProcess, running_llmock
from tests.support.loopback import Loopback, running_loopback


@pytest.fixture(params=sorted(FORMATS))
def vendor(request: pytest.FixtureRequest) -> str:
    """The name of a wire format; a test that asks for it runs once per format."""
    return str(request.param)


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    with running_loopback() as server:
        yield server


@pytest.fixture
async def client() -> AsyncIterator[AsyncClient]:
    async with open_client(connections=4) as opened:
        yield opened


@pytest.fixture(scope="module")
def llmock_process() -> Iterator[LLMockProcess]:
    with running_llmock() as server:
        yield server


@pytest.fixture
def llmock_server(llmock_process: LLMockProcess) -> LLMockProcess:
    """A llmock without leftovers of the test before."""
    llmock_process.reset()
    return llmock_process
