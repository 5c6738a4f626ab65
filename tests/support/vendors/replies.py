"""Good replies of each vendor, as their own types accept them."""

from __future__ import annotations

import copy
import json
from typing import Any

from anthropic.types import Message
from google.genai.types import BlockedReason, FinishReason, GenerateContentResponse
from openai.types.chat import ChatCompletion

TEXT: dict[str, dict[str, Any]] = {
    "openai": {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": "some-model-1-2026",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "logprobs": None,
                "message": {"role": "assistant", "content": "Grüße", "refusal": None},
            }
        ],
        "usage": {
            "prompt_tokens": 30,
            "completion_tokens": 7,
            "total_tokens": 37,
            "prompt_tokens_details": {"cached_tokens": 10},
        },
    },
    "anthropic": {
        "id": "chatcmpl-1",
        "type": "message",
        "role": "assistant",
        "model": "some-model-1-2026",
        "content": [{"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "text", "text": "Grüße"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 15,
            "cache_creation_input_tokens": 5,
            "cache_read_input_tokens": 10,
            "output_tokens": 7,
        },
    },
    "gemini": {
        "responseId": "chatcmpl-1",
        "modelVersion": "some-model-1-2026",
        "candidates": [
            {
                "index": 0,
                "finishReason": "STOP",
                "content": {"role": "model", "parts": [{"text": "hm", "thought": True}, {"text": "Grüße"}]},
            }
        ],
        "usageMetadata": {
            "promptTokenCount": 30,
            "candidatesTokenCount": 4,
            "thoughtsTokenCount": 3,
            "cachedContentTokenCount": 10,
            "totalTokenCount": 37,
        },
    },
}

FINISH_PATH: dict[str, tuple[str | int, ...]] = {
    "openai": ("choices", 0, "finish_reason"),
    "anthropic": ("stop_reason",),
    "gemini": ("candidates", 0, "finishReason"),
}

STOP = {"openai": "stop", "anthropic": "end_turn", "gemini": "STOP"}
LENGTH = {"openai": "length", "anthropic": "max_tokens", "gemini": "MAX_TOKENS"}


def text_reply(vendor: str) -> dict[str, Any]:
    """Return a reply with the text "Grüße", 30 tokens in of which 10 cached, and 7 out."""
    return copy.deepcopy(TEXT[vendor])


def tool_call_reply(vendor: str) -> dict[str, Any]:
    """Return a reply that calls `weather` for Köln and says nothing else."""
    reply = text_reply(vendor)
    if vendor == "openai":
        function = {"name": "weather", "arguments": '{"city": "Köln"}'}
        message = {"role": "assistant", "content": None, "refusal": None}
        message["tool_calls"] = [{"id": "call_1", "type": "function", "function": function}]
        reply["choices"][0].update(message=message, finish_reason="tool_calls")
    elif vendor == "anthropic":
        reply["content"] = [{"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Köln"}}]
        reply["stop_reason"] = "tool_use"
    else:
        call = {"id": "call_1", "name": "weather", "args": {"city": "Köln"}}
        reply["candidates"][0]["content"]["parts"] = [{"functionCall": call}]
    return reply


def empty_reply(vendor: str, finish: str) -> dict[str, Any]:
    """Return a reply without any content that ended for this reason."""
    reply = text_reply(vendor)
    if vendor == "openai":
        reply["choices"][0].update(finish_reason=finish, message={"role": "assistant", "content": None})
    elif vendor == "anthropic":
        reply.update(content=[], stop_reason=finish)
    else:
        reply["candidates"] = [{"index": 0, "finishReason": finish}]
    return reply


def assert_vendor_accepts(vendor: str, reply: dict[str, Any]) -> None:
    """Check a reply against the vendor's own response type."""
    if vendor == "openai":
        ChatCompletion.model_validate(reply, strict=True)
    elif vendor == "anthropic":
        Message.model_validate(reply, strict=True)
    else:
        GenerateContentResponse.model_validate_json(json.dumps(reply), strict=True)
        # Google's type lets unknown enum values through.
        for candidate in reply.get("candidates", ()):
            assert candidate["finishReason"] in FinishReason.__members__
        assert reply.get("promptFeedback", {}).get("blockReason", "OTHER") in BlockedReason.__members__
