"""Agent loops of the vendors' own clients against the simulated server: a call, its result, an answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from anthropic.types import MessageParam, ToolParam
from google.genai import types as genai_types
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

from tests.support.simulated_clients import anthropic_client, gemini_client, openai_client
from tests.support.simulated_server import serving

SCHEMA: dict[str, Any] = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER, FORECAST = "What is the weather in Rome?", "It is sunny in Rome"
ROUNDS_AT_MOST = 5

OPENAI_TOOL: ChatCompletionToolParam = {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}
ANTHROPIC_TOOL: ToolParam = {"name": "weather", "input_schema": SCHEMA}


async def test_an_agent_of_openai_gets_a_call_and_then_an_answer() -> None:
    messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": WEATHER}]
    calls = []
    async with serving() as http, openai_client(http) as client:
        for _ in range(ROUNDS_AT_MOST):
            completion = await client.chat.completions.create(model="m", messages=messages, tools=[OPENAI_TOOL])
            choice = completion.choices[0]
            if choice.finish_reason != "tool_calls":
                break
            messages.append(choice.message.model_dump(exclude_none=True))  # type: ignore[arg-type] # as the client wants it
            for call in choice.message.tool_calls or ():
                assert call.type == "function"
                calls.append((call.function.name, json.loads(call.function.arguments)))
                messages.append({"role": "tool", "tool_call_id": call.id, "content": FORECAST})
    assert calls == [("weather", {"city": "[simulated]"})]
    assert choice.finish_reason == "stop"
    assert FORECAST in str(choice.message.content)


@pytest.mark.parametrize("stream", [False, True])
async def test_an_agent_of_anthropic_gets_a_call_and_then_an_answer(stream: bool) -> None:
    messages: list[MessageParam] = [{"role": "user", "content": WEATHER}]
    calls = []
    async with serving() as http, anthropic_client(http) as client:
        for _ in range(ROUNDS_AT_MOST):
            asked: Any = {"model": "m", "max_tokens": 500, "messages": messages, "tools": [ANTHROPIC_TOOL]}
            if stream:
                async with client.messages.stream(**asked) as streamed:
                    answer = await streamed.get_final_message()
            else:
                answer = await client.messages.create(**asked)
            if answer.stop_reason != "tool_use":
                break
            messages.append({"role": "assistant", "content": answer.content})
            used = [block for block in answer.content if block.type == "tool_use"]
            calls += [(block.name, block.input) for block in used]
            messages.append(
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": block.id, "content": FORECAST} for block in used
                    ],
                }
            )
    assert calls == [("weather", {"city": "[simulated]"})]
    assert answer.stop_reason == "end_turn"
    assert answer.content[0].type == "text"
    assert FORECAST in answer.content[0].text


async def test_an_agent_of_gemini_gets_a_call_and_then_an_answer() -> None:
    declared = genai_types.FunctionDeclaration(name="weather", parameters_json_schema=SCHEMA)
    config = genai_types.GenerateContentConfig(tools=[genai_types.Tool(function_declarations=[declared])])
    contents: list[Any] = [genai_types.UserContent(WEATHER)]
    calls = []
    async with serving() as http:
        models = gemini_client(http).aio.models
        for _ in range(ROUNDS_AT_MOST):
            answer = await models.generate_content(model="m", contents=contents, config=config)
            if not answer.function_calls:
                break
            assert answer.candidates is not None
            contents.append(answer.candidates[0].content)
            for call in answer.function_calls:
                calls.append((call.name, call.args))
                part = genai_types.Part.from_function_response(name=str(call.name), response={"result": FORECAST})
                contents.append(genai_types.Content(role="user", parts=[part]))
    assert calls == [("weather", {"city": "[simulated]"})]
    assert FORECAST in str(answer.text)


async def test_who_forbids_calls_gets_none() -> None:
    async with serving() as http, openai_client(http) as of_openai, anthropic_client(http) as of_anthropic:
        completion = await of_openai.chat.completions.create(
            model="m", messages=[{"role": "user", "content": WEATHER}], tools=[OPENAI_TOOL], tool_choice="none"
        )
        message = await of_anthropic.messages.create(
            model="m", max_tokens=50, messages=[{"role": "user", "content": WEATHER}], tools=[ANTHROPIC_TOOL],
            tool_choice={"type": "none"},
        )  # fmt: skip
    assert completion.choices[0].message.tool_calls is None
    assert [block.type for block in message.content] == ["text"]


async def test_a_prompt_about_something_else_is_answered_or_not_but_each_time_alike() -> None:
    prompts = [f"Sing me song number {at}" for at in range(20)]
    async with serving() as http, openai_client(http) as client:
        rounds = []
        for _ in range(2):
            finishes = []
            for prompt in prompts:
                completion = await client.chat.completions.create(
                    model="m", messages=[{"role": "user", "content": prompt}], tools=[OPENAI_TOOL]
                )
                finishes.append(completion.choices[0].finish_reason)
            rounds.append(finishes)
    assert rounds[0] == rounds[1]
    assert set(rounds[0]) == {"stop", "tool_calls"}
