"""Gemini generateContent, seen from the server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import uuid4

from pointsman.router.vocabulary.errors import ErrorKind

from .answers import ANY_OBJECT, ParsedRequest, SimulatedAnswer, json_of
from .faults import Damage, Failure
from .formats import Body, Events, bearer, in_words, whole, words
from .tools import OfferedTool, SimulatedCall, named
from .window import WindowLeft

ERRORS: Mapping[ErrorKind, tuple[int, str]] = {
    ErrorKind.AUTH: (401, "UNAUTHENTICATED"),
    ErrorKind.INVALID_REQUEST: (400, "INVALID_ARGUMENT"),
    ErrorKind.RATE_LIMITED: (429, "RESOURCE_EXHAUSTED"),
    ErrorKind.OVERLOADED: (503, "UNAVAILABLE"),
    ErrorKind.SERVER_ERROR: (500, "INTERNAL"),
}

RPC = "type.googleapis.com/google.rpc"


class ServedGemini:
    """Gemini generateContent."""

    request_id_header = "x-request-id"

    def __init__(self, *, stream: bool) -> None:
        self._stream = stream  # in this format the URL says it

    def key(self, headers: Mapping[str, str], query: Mapping[str, str]) -> str:
        """Return the API key of a request, empty without one."""
        return headers.get("x-goog-api-key") or query.get("key", "") or bearer(headers)

    def parse(self, upstream: str, body: Body) -> ParsedRequest:
        """Read a request."""
        turns = body.get("contents")
        if not isinstance(turns, list) or not turns:
            raise ValueError("contents: a list of at least one turn is required")
        texts = [(turn.get("role", "user"), words(turn.get("parts"))) for turn in turns]
        system = words((body.get("systemInstruction") or {}).get("parts"))
        config = body.get("generationConfig") or {}
        return ParsedRequest(
            upstream=upstream,
            prompt=next((text for role, text in reversed(texts) if role == "user" and text), ""),
            read=" ".join([system, *(text for _, text in texts)]),
            max_tokens=whole(config.get("maxOutputTokens")),
            call=_forced_call(body),
            tools=_offered(body) if _mode(body) in (None, "AUTO", "MODE_UNSPECIFIED") else (),
            results=_results(turns[-1]),
            json_text=json_of(_wanted_schema(config)),
            stream=self._stream,
        )

    def write(self, upstream: str, answer: SimulatedAnswer) -> Body:
        """Write an answer."""
        return {
            "candidates": [_candidate(answer)],
            "usageMetadata": _usage(answer),
            "modelVersion": upstream,
            "responseId": uuid4().hex[:16],
        }

    def events(self, parsed: ParsedRequest, answer: SimulatedAnswer) -> Events:
        """Write an answer as a stream; a call of a function comes whole."""
        about = {"modelVersion": parsed.upstream, "responseId": uuid4().hex[:16]}
        texts = [replace(answer, text=word, damage=Damage.UNFINISHED) for word in in_words(answer.text)]
        last = answer if answer.called else replace(answer, text="")
        return Events(
            [],
            [{"candidates": [_candidate(text)], **about} for text in texts],
            [{"candidates": [_candidate(last)], "usageMetadata": _usage(answer), **about}],
        )

    def error(self, failure: Failure, request_id: str) -> tuple[int, Body]:
        """Write an error: status and body."""
        status, name = ERRORS[failure.kind]
        error: Body = {"code": status, "message": failure.message, "status": name}
        if failure.kind is ErrorKind.RATE_LIMITED:
            quota = {"@type": f"{RPC}.QuotaFailure", "violations": [{"quotaId": "SimulatedRequestsPerMinute"}]}
            retry = {"@type": f"{RPC}.RetryInfo", "retryDelay": f"{failure.retry_after:g}s"}
            error["details"] = [quota, retry]
        return status, {"error": error}

    def limits(self, left: WindowLeft) -> Mapping[str, str]:
        """Return nothing: Gemini has no such headers."""
        return {}


def _forced_call(body: Body) -> SimulatedCall | None:
    if _mode(body) != "ANY":
        return None
    allowed = body["toolConfig"]["functionCallingConfig"].get("allowedFunctionNames")
    offered = [tool for tool in _offered(body) if not allowed or tool.name in allowed]
    return named(offered, None).call()


def _mode(body: Body) -> str | None:
    mode: str | None = ((body.get("toolConfig") or {}).get("functionCallingConfig") or {}).get("mode")
    return mode


def _offered(body: Body) -> tuple[OfferedTool, ...]:
    declared = [f for tool in body.get("tools") or [] for f in tool.get("functionDeclarations") or []]
    return tuple(OfferedTool(one["name"], one.get("description") or "", _schema(one)) for one in declared)


def _schema(declared: Body) -> dict[str, Any] | None:
    """Return the schema of a function's arguments; Google's own client spells one of its names in two ways."""
    names = ("parametersJsonSchema", "parameters_json_schema", "parameters")
    return next((declared[name] for name in names if declared.get(name)), None)


def _results(turn: Body) -> str | None:
    """Return the text of the answers of functions in a turn, None without any."""
    answers = [
        part["functionResponse"].get("response") for part in turn.get("parts") or () if "functionResponse" in part
    ]
    return json.dumps(answers) if answers else None


def _wanted_schema(config: dict[str, Any]) -> dict[str, Any] | None:
    schema: dict[str, Any] | None = config.get("responseJsonSchema") or config.get("responseSchema")
    if schema is None and config.get("responseMimeType") == "application/json":
        return ANY_OBJECT
    return schema


def _candidate(answer: SimulatedAnswer) -> Body:
    """Return the one candidate; Gemini says STOP after a function call too, and leaves out what is unknown."""
    part: Body = {"text": answer.text}
    if answer.called:
        part = {"functionCall": {"name": answer.called.name, "args": answer.called.arguments}}
    candidate: Body = {"content": {"role": "model", "parts": [part]}, "index": 0}
    if answer.finish:
        candidate["finishReason"] = "MAX_TOKENS" if answer.finish == "length" else "STOP"
    return candidate


def _usage(answer: SimulatedAnswer) -> Body:
    return {
        "promptTokenCount": answer.input_tokens,
        "candidatesTokenCount": answer.output_tokens,
        "totalTokenCount": answer.input_tokens + answer.output_tokens,
    }
