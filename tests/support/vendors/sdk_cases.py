"""The same requests twice: as our ChatRequest, and as the arguments of each vendor's own SDK."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

from google.genai import types

from pointsman.workers.providers.gemini import FOREIGN_SIGNATURE

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
IMAGE_URL = "https://example.com/cat.png"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
QUESTION = {"role": "user", "content": "hello"}
WEATHER = {"name": "weather", "description": "Say the weather.", "parameters": SCHEMA}
OPENAI_TOOL = {"type": "function", "function": WEATHER}
ANTHROPIC_TOOL = {"name": "weather", "description": "Say the weather.", "input_schema": SCHEMA}
GEMINI_TOOL = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(name="weather", description="Say the weather.", parameters_json_schema=SCHEMA)
    ]
)


@dataclass(frozen=True)
class Case:
    """One request; a vendor that has no such thing is None. Gemini's contents stand beside its config."""

    name: str
    chat: dict[str, Any]
    openai: dict[str, Any] | None = field(default_factory=dict)
    anthropic: dict[str, Any] | None = field(default_factory=dict)
    gemini: dict[str, Any] | None = field(default_factory=dict)
    contents: Any = "hello"


def _asked(*content: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(content)}]


def _function_config(mode: str, *names: str) -> types.ToolConfig:
    calling = {"mode": mode, "allowed_function_names": list(names) or None}
    return types.ToolConfig(function_calling_config=types.FunctionCallingConfig(**calling))  # type: ignore[arg-type] # pydantic checks every value


TEXT = {"type": "text", "text": "what is this?"}


def _image_case(name: str, url: str, anthropic_source: dict[str, Any], gemini_part: types.Part) -> Case:
    image = {"type": "image_url", "image_url": {"url": url, "detail": "auto"}}
    return Case(
        name,
        chat={"messages": _asked(TEXT, image)},
        openai={"messages": _asked(TEXT, image)},
        anthropic={"messages": _asked(TEXT, {"type": "image", "source": anthropic_source})},
        contents=[types.Content(role="user", parts=[types.Part(text="what is this?"), gemini_part])],
    )


def _choice_case(name: str, choice: Any, anthropic: dict[str, Any], gemini: types.ToolConfig) -> Case:
    return Case(
        name,
        chat={"tools": [OPENAI_TOOL], "tool_choice": choice},
        openai={"tools": [OPENAI_TOOL], "tool_choice": choice},
        anthropic={"tools": [ANTHROPIC_TOOL], "tool_choice": anthropic},
        gemini={"tools": [GEMINI_TOOL], "tool_config": gemini},
    )


def _effort_case(effort: str, *, anthropic: dict[str, Any], gemini: str) -> Case:
    return Case(
        f"effort, {effort}",
        chat={"reasoning_effort": effort},
        openai={"reasoning_effort": effort},
        anthropic=anthropic,
        gemini={"thinking_config": types.ThinkingConfig(thinking_level=types.ThinkingLevel(gemini))},
    )


def _one_call_case(name: str, choice: str | None, anthropic: dict[str, Any]) -> Case:
    asked = {"tools": [OPENAI_TOOL], "parallel_tool_calls": False} | ({"tool_choice": choice} if choice else {})
    return Case(
        name,
        chat=asked,
        openai=asked,
        anthropic={"tools": [ANTHROPIC_TOOL], "tool_choice": anthropic},
        gemini=None,
    )


def _call(call_id: str, arguments: str) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": "weather", "arguments": arguments}}


def _gemini_call(call_id: str, city: str, *, signed: bool) -> types.Part:
    signature = base64.urlsafe_b64decode(FOREIGN_SIGNATURE) if signed else None
    called = types.FunctionCall(id=call_id, name="weather", args={"city": city})
    return types.Part(function_call=called, thought_signature=signature)


def _gemini_result(call_id: str, response: dict[str, Any]) -> types.Part:
    return types.Part(function_response=types.FunctionResponse(id=call_id, name="weather", response=response))


def _anthropic_result(call_id: str, text: str) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": call_id, "content": [{"type": "text", "text": text}]}


TOOL_MESSAGES = [
    QUESTION,
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [_call("a1", '{"city": "Rom"}'), _call("b2", '{"city": "Oslo"}')],
    },
    {"role": "tool", "tool_call_id": "a1", "content": '{"celsius": 30}'},
    {"role": "tool", "tool_call_id": "b2", "content": "snow"},
]

TOOL_ROUND_TRIP = Case(
    "tool results round trip",
    chat={"messages": TOOL_MESSAGES},
    openai={"messages": TOOL_MESSAGES},
    anthropic={
        "messages": [
            QUESTION,
            {
                "role": "assistant",
                "content": [
                    {"type": "tool_use", "id": "a1", "name": "weather", "input": {"city": "Rom"}},
                    {"type": "tool_use", "id": "b2", "name": "weather", "input": {"city": "Oslo"}},
                ],
            },
            {
                "role": "user",
                "content": [_anthropic_result("a1", '{"celsius": 30}'), _anthropic_result("b2", "snow")],
            },
        ]
    },
    contents=[
        types.Content(role="user", parts=[types.Part(text="hello")]),
        types.Content(
            role="model", parts=[_gemini_call("a1", "Rom", signed=True), _gemini_call("b2", "Oslo", signed=False)]
        ),
        types.Content(
            role="user", parts=[_gemini_result("a1", {"celsius": 30}), _gemini_result("b2", {"output": "snow"})]
        ),
    ],
)

SYSTEM_MESSAGES = [{"role": "system", "content": "Be short."}, QUESTION]
NAMED = {"type": "function", "function": {"name": "weather"}}
JSON_SCHEMA = {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA, "strict": True}}

CASES = [
    Case("text", chat={}),
    Case(
        "system",
        chat={"messages": SYSTEM_MESSAGES},
        openai={"messages": SYSTEM_MESSAGES},
        anthropic={"system": "Be short."},
        gemini={"system_instruction": "Be short."},
    ),
    _image_case(
        "image by URL",
        IMAGE_URL,
        {"type": "url", "url": IMAGE_URL},
        types.Part.from_uri(file_uri=IMAGE_URL, mime_type="image/png"),
    ),
    _image_case(
        "image inside",
        f"data:image/png;base64,{PIXEL}",
        {"type": "base64", "media_type": "image/png", "data": PIXEL},
        types.Part.from_bytes(data=base64.b64decode(PIXEL), mime_type="image/png"),
    ),
    _choice_case("tools, auto", "auto", {"type": "auto"}, _function_config("AUTO")),
    _choice_case("tools, none", "none", {"type": "none"}, _function_config("NONE")),
    _choice_case("tools, required", "required", {"type": "any"}, _function_config("ANY")),
    _choice_case("tools, named", NAMED, {"type": "tool", "name": "weather"}, _function_config("ANY", "weather")),
    TOOL_ROUND_TRIP,
    Case(
        "json_schema",
        chat={"response_format": JSON_SCHEMA},
        openai={"response_format": JSON_SCHEMA},
        anthropic={"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
        gemini={"response_mime_type": "application/json", "response_json_schema": SCHEMA},
    ),
    Case(
        "json_object",
        chat={"response_format": {"type": "json_object"}},
        openai={"response_format": {"type": "json_object"}},
        anthropic=None,
        gemini={"response_mime_type": "application/json"},
    ),
    Case(
        "stop",
        chat={"stop": ["END", "\n\n"]},
        openai={"stop": ["END", "\n\n"]},
        anthropic={"stop_sequences": ["END", "\n\n"]},
        gemini={"stop_sequences": ["END", "\n\n"]},
    ),
    Case("seed", chat={"seed": 0}, openai={"seed": 0}, anthropic=None, gemini={"seed": 0}),
    Case(
        "sampling",
        chat={"temperature": 0.0, "top_p": 0.5},
        openai={"temperature": 0.0, "top_p": 0.5},
        # The SDK has forgotten them, the 2023 version of the API has not.
        anthropic={"extra_body": {"temperature": 0.0, "top_p": 0.5}},
        gemini={"temperature": 0.0, "top_p": 0.5},
    ),
    Case(
        "top_k",
        chat={"top_k": 3},
        openai=None,
        anthropic={"extra_body": {"top_k": 3}},
        gemini={"top_k": 3},
    ),
    Case(
        "penalties",
        chat={"frequency_penalty": 0.5, "presence_penalty": -1.0},
        openai={"frequency_penalty": 0.5, "presence_penalty": -1.0},
        anthropic=None,
        gemini={"frequency_penalty": 0.5, "presence_penalty": -1.0},
    ),
    Case("verbosity", chat={"verbosity": "low"}, openai={"verbosity": "low"}, anthropic=None, gemini=None),
    _effort_case("medium", anthropic={"output_config": {"effort": "medium"}}, gemini="MEDIUM"),
    _effort_case("minimal", anthropic={"output_config": {"effort": "low"}}, gemini="MINIMAL"),
    _effort_case("max", anthropic={"output_config": {"effort": "max"}}, gemini="XHIGH"),
    _effort_case("none", anthropic={"thinking": {"type": "disabled"}}, gemini="MINIMAL"),
    Case(
        "thinking",
        chat={"thinking": {"type": "enabled", "budget_tokens": 2048}},
        openai=None,
        anthropic={"thinking": {"type": "enabled", "budget_tokens": 2048}},
        gemini=None,
    ),
    _one_call_case("one call at a time", None, {"type": "auto", "disable_parallel_tool_use": True}),
    _one_call_case("one call, and one must be", "required", {"type": "any", "disable_parallel_tool_use": True}),
    _one_call_case("one call, and no call may be", "none", {"type": "none"}),
    Case(
        "max tokens",
        chat={"max_tokens": 12},
        openai={"max_completion_tokens": 12},
        anthropic={"max_tokens": 12},
        gemini={"max_output_tokens": 12},
    ),
]
