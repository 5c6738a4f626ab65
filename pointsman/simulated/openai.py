"""OpenAI chat completions, seen from the server."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from pointsman.router.vocabulary.errors import ErrorKind

from .answers import ANY_OBJECT, ParsedRequest, SimulatedAnswer, json_of
from .faults import Failure
from .formats import Body, Event, Events, all_text, bearer, in_words, last_user, messages_of, whole, words
from .tools import OfferedTool, SimulatedCall, named
from .window import WindowLeft

ERRORS: Mapping[ErrorKind, tuple[int, str, str | None]] = {
    ErrorKind.AUTH: (401, "invalid_request_error", "invalid_api_key"),
    ErrorKind.INVALID_REQUEST: (400, "invalid_request_error", None),
    ErrorKind.RATE_LIMITED: (429, "requests", "rate_limit_exceeded"),
    ErrorKind.OVERLOADED: (503, "server_error", None),
    ErrorKind.SERVER_ERROR: (500, "server_error", None),
}


class ServedOpenAI:
    """OpenAI chat completions."""

    request_id_header = "x-request-id"

    def key(self, headers: Mapping[str, str], query: Mapping[str, str]) -> str:
        """Return the API key of a request, empty without one."""
        return bearer(headers)

    def parse(self, upstream: str, body: Body) -> ParsedRequest:
        """Read a request."""
        messages = messages_of(body)
        return ParsedRequest(
            upstream=str(body["model"]),
            prompt=last_user(messages),
            read=" ".join(all_text(messages)),
            max_tokens=whole(body.get("max_completion_tokens") or body.get("max_tokens")),
            call=_forced_call(body),
            tools=_offered(body) if body.get("tool_choice") in (None, "auto") else (),
            results=words(messages[-1].get("content")) if messages[-1]["role"] == "tool" else None,
            json_text=json_of(_wanted_schema(body.get("response_format") or {})),
            stream=bool(body.get("stream")),
            stream_usage=bool((body.get("stream_options") or {}).get("include_usage")),
        )

    def write(self, upstream: str, answer: SimulatedAnswer) -> Body:
        """Write an answer."""
        choice = {"index": 0, "finish_reason": answer.finish, "logprobs": None, "message": _message(answer)}
        return {
            "id": f"chatcmpl-{uuid4().hex[:20]}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": upstream,
            "choices": [choice],
            "usage": _usage(answer),
        }

    def events(self, parsed: ParsedRequest, answer: SimulatedAnswer) -> Events:
        """Write an answer as a stream."""
        about = {
            "id": f"chatcmpl-{uuid4().hex[:20]}",
            "object": "chat.completion.chunk",
            "created": int(time.time()),
        }

        def chunk(delta: Body, finish: str | None = None) -> Body:
            choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
            return {**about, "model": parsed.upstream, "choices": [choice]}

        first, pieces = _deltas(answer)
        usage: Body = {**about, "model": parsed.upstream, "choices": [], "usage": _usage(answer)}
        closing: list[Event] = [chunk({}, answer.finish), *([usage] if parsed.stream_usage else ()), "[DONE]"]
        return Events([chunk(first)], [chunk(piece) for piece in pieces], closing)

    def error(self, failure: Failure, request_id: str) -> tuple[int, Body]:
        """Write an error: status and body."""
        status, type_, code = ERRORS[failure.kind]
        return status, {"error": {"message": failure.message, "type": type_, "param": None, "code": code}}

    def limits(self, left: WindowLeft) -> Mapping[str, str]:
        """Write the headers that say what is left of a limit."""
        return {
            "x-ratelimit-limit-requests": str(left.limit),
            "x-ratelimit-remaining-requests": str(left.remaining),
            "x-ratelimit-reset-requests": f"{math.ceil(left.reset_seconds * 1000)}ms",
        }


def _forced_call(body: Body) -> SimulatedCall | None:
    choice = body.get("tool_choice")
    name = choice["function"]["name"] if isinstance(choice, dict) else None
    if name is None and choice != "required":
        return None
    return named(_offered(body), name).call()


def _offered(body: Body) -> tuple[OfferedTool, ...]:
    functions = [tool["function"] for tool in body.get("tools") or []]
    return tuple(OfferedTool(one["name"], one.get("description") or "", one.get("parameters")) for one in functions)


def _wanted_schema(shape: dict[str, Any]) -> dict[str, Any] | None:
    if shape.get("type") == "json_object":
        return ANY_OBJECT
    schema: dict[str, Any] | None = (shape.get("json_schema") or {}).get("schema")
    return schema


def _message(answer: SimulatedAnswer) -> Body:
    message: Body = {"role": "assistant", "content": answer.text or None, "refusal": None, "annotations": []}
    if answer.called:
        function = {"name": answer.called.name, "arguments": json.dumps(answer.called.arguments)}
        message["tool_calls"] = [{"id": f"call_{uuid4().hex[:12]}", "type": "function", "function": function}]
    return message


def _deltas(answer: SimulatedAnswer) -> tuple[Body, list[Body]]:
    """Return the first delta, and those that bring the text or the arguments."""
    if answer.called is None:
        return {"role": "assistant", "content": ""}, [{"content": word} for word in in_words(answer.text)]
    function = {"name": answer.called.name, "arguments": ""}
    call = {"index": 0, "id": f"call_{uuid4().hex[:12]}", "type": "function", "function": function}
    arguments = in_words(json.dumps(answer.called.arguments))
    pieces = [{"tool_calls": [{"index": 0, "function": {"arguments": word}}]} for word in arguments]
    return {"role": "assistant", "content": None, "tool_calls": [call]}, pieces


def _usage(answer: SimulatedAnswer) -> Body:
    return {
        "prompt_tokens": answer.input_tokens,
        "completion_tokens": answer.output_tokens,
        "total_tokens": answer.input_tokens + answer.output_tokens,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
    }
