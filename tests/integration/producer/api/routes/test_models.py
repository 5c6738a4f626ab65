"""What the API says of its models."""

from __future__ import annotations

import openai
import pytest
from anthropic import AsyncAnthropic

from tests.support.batch_files import openai_client
from tests.support.running_api import Api


async def test_models_are_shown_and_one_without_workers_is_warned_of(api: Api) -> None:
    await api.submit(model="claude", task_class=None)
    reply = (await api.http.get("/v1/models")).json()
    assert [model["name"] for model in reply["models"]] == ["gpt-4", "claude", "gemini"]
    assert len(reply["warnings"]) == 2
    assert reply["warnings"][0].startswith("no dispatcher is running")
    assert reply["warnings"][1].startswith("claude: no live worker: 1 job")


async def test_the_official_clients_list_what_a_request_may_name(api: Api) -> None:
    names = ["gemini", "claude", "gpt-4", "general_information", "creative_writing", "technical_support", "auto"]
    async with openai_client(api.url) as client:
        assert sorted([model.id async for model in client.models.list()]) == sorted(names)
        assert (await client.models.retrieve("claude")).owned_by == "anthropic"
        with pytest.raises(openai.NotFoundError):
            await client.models.retrieve("gpt-9")
    async with AsyncAnthropic(
        base_url=api.url, api_key="any", _strict_response_validation=True, max_retries=0
    ) as anthropic:
        assert sorted([model.id async for model in anthropic.models.list()]) == sorted(names)
        assert (await anthropic.models.retrieve("auto")).lifecycle == "active"
