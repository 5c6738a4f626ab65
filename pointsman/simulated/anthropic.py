"""Anthropic Messages, seen from the server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from uuid import uuid4

from pointsman.router.vocabulary.errors import ErrorKind

from .answers import ParsedRequest, SimulatedAnswer, json_of
from .faults import Failure
from .formats import Body, Events, all_text, bearer, in_words, last_user, messages_of, whole, words
from .tools import OfferedTool, SimulatedCall, named
from .window import WindowLeft

ERRORS: Mapping[ErrorKind, tuple[int, str]] = {
    ErrorKind.AUTH: (401, "authentication_error"),
    ErrorKind.INVALID_REQUEST: (400, "invalid_request_error"),
    ErrorKind.RATE_LIMITED: (429, "rate_limit_error"),
    ErrorKind.OVERLOADED: (529, "overloaded_error"),
    ErrorKind.SERVER_ERROR: (500, "api_error"),
}

STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", None: None}


class ServedAnthropic:
    """Anthropic Messages."""

    request_id_header = "request-id"

    def key(self, headers: Mapping[str, str], query: Mapping[str, str]) -> str:
        """Return the API key of a request, empty without one; x-api-key wins over Authorization."""
        return headers.get("x-api-key") or bearer(headers)

    def parse(self, upstream: str, body: Body) -> ParsedRequest:
        """Read a request."""
        messages = messages_of(body)
        if "max_tokens" not in body:
            raise ValueError("max_tokens: Field required")
        return ParsedRequest(
            upstream=str(body["model"]),
            prompt=last_user(messages),
            read=" ".join([words(body.get("system")), *all_text(messages)]),
            max_tokens=whole(body["max_tokens"]),
            call=_forced_call(body),
            tools=_offered(body) if (body.get("tool_choice") or {}).get("type", "auto") == "auto" else (),
            results=_results(messages[-1]),
            json_text=json_of(((body.get("output_config") or {}).get("format") or {}).get("schema")),
            stream=bool(body.get("stream")),
        )

    def write(self, upstream: str, answer: SimulatedAnswer) -> Body:
        """Write an answer."""
        return {
            "id": f"msg_{uuid4().hex[:20]}",
            "type": "message",
            "role": "assistant",
            "model": upstream,
            "content": _content(answer),
            "stop_reason": STOP_REASONS[answer.finish],
            "stop_sequence": None,
            "usage": {"input_tokens": answer.input_tokens, "output_tokens": answer.output_tokens},
        }

    def events(self, parsed: ParsedRequest, answer: SimulatedAnswer) -> Events:
        """Write an answer as a stream."""
        usage = {"input_tokens": answer.input_tokens, "output_tokens": 1}
        message = {**self.write(parsed.upstream, answer), "content": [], "stop_reason": None, "usage": usage}
        block, deltas = _block(answer)
        end = {"stop_reason": STOP_REASONS[answer.finish], "stop_sequence": None}
        return Events(
            [
                {"type": "message_start", "message": message},
                {"type": "content_block_start", "index": 0, "content_block": block},
                {"type": "ping"},
            ],
            [{"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas],
            [
                {"type": "content_block_stop", "index": 0},
                {"type": "message_delta", "delta": end, "usage": {"output_tokens": answer.output_tokens}},
                {"type": "message_stop"},
            ],
        )

    def error(self, failure: Failure, request_id: str) -> tuple[int, Body]:
        """Write an error: status and body."""
        status, type_ = ERRORS[failure.kind]
        error = {"type": type_, "message": failure.message}
        return status, {"type": "error", "error": error, "request_id": request_id}

    def limits(self, left: WindowLeft) -> Mapping[str, str]:
        """Write the headers that say what is left of a limit; the vendor has times in whole seconds."""
        now = datetime.now(UTC)
        reset = (now + timedelta(seconds=left.reset_seconds + 1)).isoformat(timespec="seconds")
        return {
            "date": format_datetime(now, usegmt=True),
            "anthropic-ratelimit-requests-limit": str(left.limit),
            "anthropic-ratelimit-requests-remaining": str(left.remaining),
            "anthropic-ratelimit-requests-reset": reset.replace("+00:00", "Z"),
        }


def _forced_call(body: Body) -> SimulatedCall | None:
    choice = body.get("tool_choice") or {}
    if choice.get("type") not in ("any", "tool"):
        return None
    return named(_offered(body), choice.get("name")).call()


def _offered(body: Body) -> tuple[OfferedTool, ...]:
    tools = body.get("tools") or []
    return tuple(OfferedTool(one["name"], one.get("description") or "", one.get("input_schema")) for one in tools)


def _results(message: Body) -> str | None:
    """Return the text of the answers of tools in a message, None without any."""
    content = message.get("content")
    blocks = [block for block in content if block.get("type") == "tool_result"] if isinstance(content, list) else []
    return " ".join(words(block.get("content")) for block in blocks) if blocks else None


def _content(answer: SimulatedAnswer) -> list[Body]:
    if answer.called is None:
        return [{"type": "text", "text": answer.text}]
    call_id = f"toolu_{uuid4().hex[:12]}"
    return [{"type": "tool_use", "id": call_id, "name": answer.called.name, "input": answer.called.arguments}]


def _block(answer: SimulatedAnswer) -> tuple[Body, list[Body]]:
    """Return the one block as it begins, and what it grows by."""
    [whole_block] = _content(answer)
    if answer.called is None:
        return {**whole_block, "text": ""}, [{"type": "text_delta", "text": word} for word in in_words(answer.text)]
    parts = in_words(json.dumps(answer.called.arguments))
    return {**whole_block, "input": {}}, [{"type": "input_json_delta", "partial_json": part} for part in parts]
