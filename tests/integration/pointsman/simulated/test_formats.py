"""The simulated server driven by the vendors' own clients."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import openai
import pytest
from anthropic.types import Message
from google.genai import errors as genai_errors
from google.genai import types as genai_types
from openai.types.chat import ChatCompletion

from tests.support.simulated_clients import anthropic_client, gemini_client, openai_client
from tests.support.simulated_server import EVERY_FORMAT, PROMPT, Ask, ask_anthropic, ask_gemini, ask_openai, serving

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


async def test_openai_gets_text() -> None:
    async with serving() as http, openai_client(http) as client:
        answer = await client.chat.completions.create(model="m", messages=[{"role": "user", "content": PROMPT}])
    assert str(answer.choices[0].message.content).startswith("[simulated]")
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 2


async def test_anthropic_gets_text() -> None:
    async with serving() as http, anthropic_client(http) as client:
        answer = await client.messages.create(
            model="m", max_tokens=5, messages=[{"role": "user", "content": PROMPT}]
        )
    assert answer.content[0].type == "text"
    assert answer.content[0].text.startswith("[simulated]")
    assert (answer.stop_reason, answer.usage.output_tokens) == ("max_tokens", 5)


async def test_gemini_gets_text_and_json() -> None:
    async with serving() as http:
        models = gemini_client(http).aio.models
        text = await models.generate_content(model="m", contents=PROMPT)
        config = genai_types.GenerateContentConfig(
            response_mime_type="application/json", response_json_schema=SCHEMA
        )
        data = await models.generate_content(model="m", contents=PROMPT, config=config)
    assert str(text.text).startswith("[simulated]")
    assert text.candidates is not None
    assert text.candidates[0].finish_reason is genai_types.FinishReason.STOP
    assert json.loads(str(data.text)) == {"city": "[simulated]"}


async def test_answers_fit_the_vendors_types_strictly_but_for_the_mark() -> None:
    async with serving() as http:
        bodies = [(await ask(http)).json() for ask in (ask_openai, ask_anthropic, ask_gemini)]
    assert all(body.pop("simulated") is True for body in bodies)
    ChatCompletion.model_validate(bodies[0], strict=True)
    Message.model_validate(bodies[1], strict=True)
    genai_types.GenerateContentResponse.model_validate(bodies[2])


async def test_openai_calls_the_named_tool() -> None:
    tools = [
        {"type": "function", "function": {"name": name, "parameters": SCHEMA}} for name in ("other", "weather")
    ]
    named = {"type": "function", "function": {"name": "weather"}}
    async with serving() as http:
        choice = (await ask_openai(http, tools=tools, tool_choice=named)).json()["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    function = choice["message"]["tool_calls"][0]["function"]
    assert (function["name"], json.loads(function["arguments"])) == ("weather", {"city": "[simulated]"})


async def test_anthropic_calls_a_required_tool() -> None:
    async with serving() as http, anthropic_client(http) as client:
        answer = await client.messages.create(
            model="m",
            max_tokens=50,
            messages=[{"role": "user", "content": PROMPT}],
            tools=[{"name": "weather", "input_schema": SCHEMA}],
            tool_choice={"type": "any"},
        )
    assert answer.stop_reason == "tool_use"
    assert answer.content[0].type == "tool_use"
    assert answer.content[0].input == {"city": "[simulated]"}


async def test_gemini_calls_a_required_tool() -> None:
    tools = [{"functionDeclarations": [{"name": "weather", "parametersJsonSchema": SCHEMA}]}]
    async with serving() as http:
        config = {"functionCallingConfig": {"mode": "ANY"}}
        body = (await ask_gemini(http, tools=tools, toolConfig=config)).json()
    call = body["candidates"][0]["content"]["parts"][0]["functionCall"]
    assert call == {"name": "weather", "args": {"city": "[simulated]"}}


async def test_structured_output_is_an_instance_of_the_schema() -> None:
    shape = {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA}}
    config = {"format": {"type": "json_schema", "schema": SCHEMA}}
    async with serving() as http:
        of_openai = (await ask_openai(http, response_format=shape)).json()["choices"][0]["message"]["content"]
        of_anthropic = (await ask_anthropic(http, output_config=config)).json()["content"][0]["text"]
    assert json.loads(of_openai) == json.loads(of_anthropic) == {"city": "[simulated]"}


async def test_the_colon_of_gemini_may_be_escaped() -> None:
    body = {"contents": [{"parts": [{"text": PROMPT}]}]}
    async with serving() as http:
        assert (await http.post("/v1/models/m%3AgenerateContent", json=body)).status_code == 200


@EVERY_FORMAT
async def test_the_same_prompt_gets_the_same_text_again(ask: Ask) -> None:
    async with serving() as http:
        texts = {json.dumps(_words((await ask(http)).json())) for _ in range(3)}
    async with serving() as http:
        texts.add(json.dumps(_words((await ask(http)).json())))
    assert len(texts) == 1


def _words(body: dict[str, Any]) -> Any:
    if "choices" in body:
        return body["choices"][0]["message"]["content"]
    return body["content"] if "content" in body else body["candidates"]


async def test_openai_raises_its_own_errors() -> None:
    async with serving(rate_limit_rate=1.0, retry_after_seconds=2) as http, openai_client(http) as client:
        with pytest.raises(openai.RateLimitError) as caught:
            await client.chat.completions.create(model="m", messages=[{"role": "user", "content": PROMPT}])
    assert caught.value.code == "rate_limit_exceeded"
    assert caught.value.response.headers["retry-after"] == "2"
    assert str(caught.value.request_id).startswith("req_")


async def test_anthropic_raises_its_own_errors() -> None:
    async with serving(overloaded_rate=1.0) as http, anthropic_client(http) as client:
        with pytest.raises(anthropic.APIStatusError) as caught:
            await client.messages.create(model="m", max_tokens=5, messages=[{"role": "user", "content": PROMPT}])
    assert (caught.value.status_code, caught.value.type) == (529, "overloaded_error")
    assert str(caught.value.request_id).startswith("req_")


async def test_gemini_raises_its_own_errors() -> None:
    async with serving(rate_limit_rate=1.0, retry_after_seconds=2) as http:
        with pytest.raises(genai_errors.ClientError) as caught:
            await gemini_client(http).aio.models.generate_content(model="m", contents=PROMPT)
    assert (caught.value.code, caught.value.status) == (429, "RESOURCE_EXHAUSTED")
    assert caught.value.details["error"]["details"][1]["retryDelay"] == "2s"
