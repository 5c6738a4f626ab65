"""Drives the vendors' own SDKs against a local server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import anthropic
import openai
from google import genai
from google.genai import types
from pydantic.alias_generators import to_camel

from tests.support.vendors.models import KEY, UPSTREAM
from tests.support.vendors.sdk_cases import QUESTION, Case


def ask_openai(base_url: str, case: Case) -> None:
    """Send the case with the openai package."""
    with openai.OpenAI(base_url=f"{base_url}/v1", api_key=KEY, max_retries=0) as client:
        client.chat.completions.create(**{"model": UPSTREAM, "messages": [QUESTION], **(case.openai or {})})


def ask_anthropic(base_url: str, case: Case) -> None:
    """Send the case with the anthropic package."""
    given = {"model": UPSTREAM, "max_tokens": 4096, "messages": [QUESTION], **(case.anthropic or {})}
    with anthropic.Anthropic(base_url=base_url, api_key=KEY, max_retries=0) as client:
        client.messages.create(**given)


def ask_gemini(base_url: str, case: Case) -> None:
    """Send the case with the google-genai package."""
    options = types.HttpOptions(base_url=base_url, api_version="v1beta")
    config = types.GenerateContentConfig(**(case.gemini or {}))
    with genai.Client(api_key=KEY, vertexai=False, http_options=options) as client:
        client.models.generate_content(model=UPSTREAM, contents=case.contents, config=config)


ASK: Mapping[str, Callable[[str, Case], None]] = {
    "openai": ask_openai,
    "anthropic": ask_anthropic,
    "gemini": ask_gemini,
}


def normalised(vendor: str, body: Any) -> Any:
    """Return a request body with the vendor's two spellings of one thing made one."""
    return NORMALISE[vendor](body)


def _with_blocks(body: dict[str, Any]) -> dict[str, Any]:
    """Anthropic takes text as it is for a single text block."""
    messages = [{**message, "content": _blocks(message["content"])} for message in body["messages"]]
    return {**body, "messages": messages}


def _blocks(content: Any) -> Any:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _in_camel_case(body: dict[str, Any]) -> dict[str, Any]:
    """Google's SDK mixes snake case in, sends an empty config, and gives the instruction a role that is ignored."""
    plain = {name: value for name, value in _camel(body).items() if value != {}}
    if "systemInstruction" in plain:
        plain["systemInstruction"] = {"parts": plain["systemInstruction"]["parts"]}
    return plain


def _camel(value: Any) -> Any:
    if isinstance(value, dict):
        return {to_camel(name): _camel(below) for name, below in value.items()}
    return [_camel(item) for item in value] if isinstance(value, list) else value


NORMALISE: Mapping[str, Callable[[Any], Any]] = {
    "openai": lambda body: body,
    "anthropic": _with_blocks,
    "gemini": _in_camel_case,
}
