"""The models that the contract tests call: one per wire format."""

from __future__ import annotations

from typing import Any, Literal, cast

from pointsman.router.vocabulary.chat import ChatRequest
from pointsman.router.vocabulary.model import Model

KEY = "sk-test-0123456789abcdef"
UPSTREAM = "some-model-1"
HELLO = ChatRequest.model_validate({"messages": [{"role": "user", "content": "hello"}]})


def model_for(vendor: str, base_url: str, **settings: Any) -> Model:
    """Return a model of this wire format; OpenAI's base_url ends in /v1, the others' do not."""
    return Model(
        name="m",
        format=cast(Literal["openai", "anthropic", "gemini"], vendor),
        base_url=f"{base_url}/v1" if vendor == "openai" else base_url,
        upstream=UPSTREAM,
        **settings,
    )
