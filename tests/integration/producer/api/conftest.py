"""The official clients for the tests of the API."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from openai import AsyncOpenAI

from tests.support.batch_files import openai_client
from tests.support.running_api import Api


@pytest_asyncio.fixture
async def sdk(api: Api) -> AsyncIterator[AsyncOpenAI]:
    """OpenAI's own client of the API, which gives up at the first error."""
    async with openai_client(api.url) as found:
        yield found.with_options(max_retries=0)
