"""The three wire formats as a server speaks them: read what was asked, write what is said, write an error."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Protocol
from uuid import uuid4

from .answers import Asked, Said

Body = dict[str, Any]


class ServedFormat(Protocol):
    """One wire format, seen from the server. Error kinds: auth, rate_limited, overloaded, server_error."""

    def asked(self, upstream: str, body: Body) -> Asked:
        """Read a request."""

    def said(self, upstream: str, said: Said) -> Body:
        """Write an answer."""

    def error(self, kind: str, message: str) -> tuple[int, Body]:
        """Write an error: status and body."""


def _words(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return " ".join(str(part["text"]) for part in parts if isinstance(part, dict) and "text" in part)


def _last_user(messages: Any) -> str:
    users = [_words(message.get("content")) for message in messages or [] if message.get("role") == "user"]
    return users[-1] if users else ""


class ServedOpenAI:
    """OpenAI chat completions."""

    ERRORS: Mapping[str, tuple[int, str, str | None]] = {
        "auth": (401, "invalid_request_error", "invalid_api_key"),
        "rate_limited": (429, "requests", "rate_limit_exceeded"),
        "overloaded": (503, "server_error", None),
        "server_error": (500, "server_error", None),
    }

    def asked(self, upstream: str, body: Body) -> Asked:
        """Read a request."""
        choice, tools = body.get("tool_choice"), body.get("tools") or []
        named = choice["function"]["name"] if isinstance(choice, dict) else None
        first = tools[0]["function"]["name"] if tools and choice == "required" else None
        shape = body.get("response_format") or {}
        return Asked(
            upstream=body.get("model", upstream),
            prompt=_last_user(body.get("messages")),
            max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
            tool=named or first,
            schema=(shape.get("json_schema") or {}).get("schema"),
        )

    def said(self, upstream: str, said: Said) -> Body:
        """Write an answer."""
        message: Body = {"role": "assistant", "content": said.text or None, "refusal": None, "annotations": []}
        if said.tool:
            function = {"name": said.tool, "arguments": "{}"}
            message["tool_calls"] = [{"id": f"call_{uuid4().hex[:12]}", "type": "function", "function": function}]
        finish = "tool_calls" if said.tool else "length" if said.cut else "stop"
        return {
            "id": f"chatcmpl-{uuid4().hex[:20]}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": upstream,
            "choices": [{"index": 0, "finish_reason": finish, "logprobs": None, "message": message}],
            "usage": {
                "prompt_tokens": said.input_tokens,
                "completion_tokens": said.output_tokens,
                "total_tokens": said.input_tokens + said.output_tokens,
                "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            },
        }

    def error(self, kind: str, message: str) -> tuple[int, Body]:
        """Write an error: status and body."""
        status, type_, code = self.ERRORS[kind]
        return status, {"error": {"message": message, "type": type_, "param": None, "code": code}}


class ServedAnthropic:
    """Anthropic Messages."""

    ERRORS: Mapping[str, tuple[int, str]] = {
        "auth": (401, "authentication_error"),
        "rate_limited": (429, "rate_limit_error"),
        "overloaded": (529, "overloaded_error"),
        "server_error": (500, "api_error"),
    }

    def asked(self, upstream: str, body: Body) -> Asked:
        """Read a request."""
        choice, tools = body.get("tool_choice") or {}, body.get("tools") or []
        first = tools[0]["name"] if tools and choice.get("type") == "any" else None
        shape = (body.get("output_config") or {}).get("format") or {}
        return Asked(
            upstream=body.get("model", upstream),
            prompt=_last_user(body.get("messages")),
            max_tokens=body.get("max_tokens"),
            tool=choice.get("name") or first,
            schema=shape.get("schema"),
        )

    def said(self, upstream: str, said: Said) -> Body:
        """Write an answer."""
        content: list[Body] = [{"type": "text", "text": said.text}] if said.text else []
        if said.tool:
            content.append({"type": "tool_use", "id": f"toolu_{uuid4().hex[:12]}", "name": said.tool, "input": {}})
        reason = "tool_use" if said.tool else "max_tokens" if said.cut else "end_turn"
        return {
            "id": f"msg_{uuid4().hex[:20]}",
            "type": "message",
            "role": "assistant",
            "model": upstream,
            "content": content,
            "stop_reason": reason,
            "stop_sequence": None,
            "usage": {"input_tokens": said.input_tokens, "output_tokens": said.output_tokens},
        }

    def error(self, kind: str, message: str) -> tuple[int, Body]:
        """Write an error: status and body."""
        status, type_ = self.ERRORS[kind]
        error = {"type": type_, "message": message}
        return status, {"type": "error", "error": error, "request_id": f"req_{uuid4().hex[:16]}"}


class ServedGemini:
    """Gemini generateContent."""

    ERRORS: Mapping[str, tuple[int, str]] = {
        "auth": (401, "UNAUTHENTICATED"),
        "rate_limited": (429, "RESOURCE_EXHAUSTED"),
        "overloaded": (503, "UNAVAILABLE"),
        "server_error": (500, "INTERNAL"),
    }

    def asked(self, upstream: str, body: Body) -> Asked:
        """Read a request."""
        config = body.get("generationConfig") or {}
        users = [_words(turn.get("parts")) for turn in body.get("contents") or [] if turn.get("role") != "model"]
        calling = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
        declared = [f["name"] for tool in body.get("tools") or [] for f in tool.get("functionDeclarations") or []]
        allowed = calling.get("allowedFunctionNames") or declared
        return Asked(
            upstream=upstream,
            prompt=users[-1] if users else "",
            max_tokens=config.get("maxOutputTokens"),
            tool=allowed[0] if allowed and calling.get("mode") == "ANY" else None,
            schema=config.get("responseJsonSchema"),
        )

    def said(self, upstream: str, said: Said) -> Body:
        """Write an answer."""
        call = {"functionCall": {"name": said.tool, "args": {}}}
        parts = [call if said.tool else {"text": said.text}]
        return {
            "candidates": [
                {
                    "content": {"role": "model", "parts": parts},
                    "finishReason": "MAX_TOKENS" if said.cut else "STOP",
                    "index": 0,
                }
            ],
            "usageMetadata": {
                "promptTokenCount": said.input_tokens,
                "candidatesTokenCount": said.output_tokens,
                "totalTokenCount": said.input_tokens + said.output_tokens,
            },
            "modelVersion": upstream,
            "responseId": uuid4().hex[:16],
        }

    def error(self, kind: str, message: str) -> tuple[int, Body]:
        """Write an error: status and body."""
        status, name = self.ERRORS[kind]
        return status, {"error": {"code": status, "message": message, "status": name}}
