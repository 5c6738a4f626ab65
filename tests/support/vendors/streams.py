"""Good streams of each vendor, as their own SDKs read them: the events of one answer, and their bytes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

Event = dict[str, Any] | str
"""The data of one event: JSON, or the text of OpenAI's last one."""

Calls = Sequence[tuple[str, str]]
"""The id of each call of `weather`, and the city it asks for."""

MODEL, REPLY_ID = "some-model-1-2026", "chatcmpl-1"


def stream_of(vendor: str, pieces: Sequence[str], calls: Calls = ()) -> list[Event]:
    """Return the events of an answer: 30 tokens in, of which 10 cached, and 7 out."""
    return {"openai": _openai, "anthropic": _anthropic, "gemini": _gemini}[vendor](pieces, calls)


def as_bytes(events: Sequence[Event], newline: str = "\n") -> bytes:
    """Return server-sent events; those that name their type have it as the event's name too, as Anthropic's do."""
    return "".join(_lines(event, newline) for event in events).encode()


def _lines(event: Event, newline: str) -> str:
    if isinstance(event, str):
        return f"data: {event}{newline * 2}"
    name = f"event: {event['type']}{newline}" if "type" in event else ""
    return f"{name}data: {json.dumps(event, ensure_ascii=False)}{newline * 2}"


def _fragments(city: str) -> list[str]:
    arguments = json.dumps({"city": city}, ensure_ascii=False)
    return [arguments[at : at + 5] for at in range(0, len(arguments), 5)]


def _openai(pieces: Sequence[str], calls: Calls) -> list[Event]:
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": "", "refusal": None}]
    deltas += [{"content": piece} for piece in pieces]
    for index, (call_id, city) in enumerate(calls):
        named = {"name": "weather", "arguments": ""}
        deltas.append({"tool_calls": [{"index": index, "id": call_id, "type": "function", "function": named}]})
        deltas += [{"tool_calls": [{"index": index, "function": {"arguments": part}}]} for part in _fragments(city)]
    usage = {
        "prompt_tokens": 30,
        "completion_tokens": 7,
        "total_tokens": 37,
        "prompt_tokens_details": {"cached_tokens": 10},
    }
    choices = [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None} for delta in deltas]
    end = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "tool_calls" if calls else "stop"}
    chunks = [_chunk([choice], None) for choice in (*choices, end)]
    return [*chunks, _chunk([], usage), "[DONE]"]


def _chunk(choices: list[Any], usage: Any) -> dict[str, Any]:
    about = {"id": REPLY_ID, "object": "chat.completion.chunk", "created": 1_790_000_000, "model": MODEL}
    return {**about, "choices": choices, "usage": usage}


def _anthropic(pieces: Sequence[str], calls: Calls) -> list[Event]:
    input_usage = {"input_tokens": 15, "cache_creation_input_tokens": 5, "cache_read_input_tokens": 10}
    message = {
        "id": REPLY_ID,
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {**input_usage, "output_tokens": 1},
    }
    thinking = [{"type": "thinking_delta", "thinking": "hm"}, {"type": "signature_delta", "signature": "s"}]
    blocks: list[tuple[dict[str, Any], list[dict[str, Any]]]] = [
        ({"type": "thinking", "thinking": "", "signature": ""}, thinking),
        ({"type": "text", "text": ""}, [{"type": "text_delta", "text": piece} for piece in pieces]),
    ]
    for call_id, city in calls:
        parts = [{"type": "input_json_delta", "partial_json": part} for part in ("", *_fragments(city))]
        blocks.append(({"type": "tool_use", "id": call_id, "name": "weather", "input": {}}, parts))
    ending = {"stop_reason": "tool_use" if calls else "end_turn", "stop_sequence": None}
    return [
        {"type": "message_start", "message": message},
        {"type": "ping"},
        *(event for index, (start, deltas) in enumerate(blocks) for event in _block(index, start, deltas)),
        {"type": "message_delta", "delta": ending, "usage": {"output_tokens": 7, "input_tokens": None}},
        {"type": "message_stop"},
    ]


def _block(index: int, start: dict[str, Any], deltas: list[dict[str, Any]]) -> list[Event]:
    grows = [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
    started = {"type": "content_block_start", "index": index, "content_block": start}
    return [started, *grows, {"type": "content_block_stop", "index": index}]


def _gemini(pieces: Sequence[str], calls: Calls) -> list[Event]:
    parts: list[dict[str, Any]] = [{"text": "hm", "thought": True}, *({"text": piece} for piece in pieces)]
    parts += [
        {"functionCall": {"id": call_id, "name": "weather", "args": {"city": city}}} for call_id, city in calls
    ]
    events: list[Event] = [_reply({"content": {"role": "model", "parts": [part]}}) for part in parts]
    usage = {
        "promptTokenCount": 30,
        "candidatesTokenCount": 4,
        "thoughtsTokenCount": 3,
        "cachedContentTokenCount": 10,
        "totalTokenCount": 37,
    }
    last = _reply({"content": {"role": "model", "parts": [{"text": ""}]}, "finishReason": "STOP"})
    return [*events, {**last, "usageMetadata": usage}]


def _reply(candidate: dict[str, Any]) -> dict[str, Any]:
    return {"candidates": [{**candidate, "index": 0}], "modelVersion": MODEL, "responseId": REPLY_ID}
