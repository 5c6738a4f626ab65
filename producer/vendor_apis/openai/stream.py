"""POST /v1/chat/completions with stream: true: an answer as chunks, while it is made.

https://platform.openai.com/docs/api-reference/chat-streaming
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pointsman.router.vocabulary.chat import ToolCall
from pointsman.router.vocabulary.job import JobRecord

from ..faults import Fault
from ..request import JobRequest
from .chat import ours, result_of, usage

DONE = "data: [DONE]\n\n"


def event(data: Mapping[str, Any], name: str = "") -> str:
    """Return a server-sent event; all ASCII, since some readers break lines at every line end of Unicode's."""
    return (f"event: {name}\n" if name else "") + f"data: {json.dumps(data, separators=(',', ':'))}\n\n"


def streamed(record: JobRecord, ignored: tuple[str, ...]) -> dict[str, Any]:
    """Return our own object of a stream's end; what other answers have in a header stands here too."""
    return {**ours(record, ignored), "queue_seconds": record.queue_seconds}


class ChunkWriter:
    """Writes one answer as chunks: begin, say and say, end."""

    def __init__(self, job_request: JobRequest) -> None:
        self._job_request = job_request
        self._same: dict[str, Any] = {}

    def begin(self, record: JobRecord) -> str:
        """Return the chunk of the role."""
        self._same = {
            "id": f"chatcmpl-{record.id}",
            "object": "chat.completion.chunk",
            "created": int(record.submitted),
            "model": record.model,
        }
        calls_only = record.result is not None and record.result.answer.tool_calls and not record.result.answer.text
        return self._chunk({"role": "assistant", "content": None if calls_only else "", "refusal": None})

    def write_text(self, text: str) -> str:
        """Return a chunk of text."""
        return self._chunk({"content": text})

    def end(self, record: JobRecord) -> str:
        """Return all that comes after the text: tool calls, why it ended, usage where it was asked for."""
        answer = result_of(record).answer
        calls = [_call(at, call) for at, call in enumerate(answer.tool_calls)]
        frames = self._chunk({"tool_calls": calls}) if calls else ""
        frames += self._chunk({}, answer.finish_reason, pointsman=streamed(record, self._job_request.ignored))
        if self._job_request.include_usage:
            frames += event({**self._same, "choices": [], "usage": usage(answer.usage)})
        return frames + DONE

    def fail(self, fault: Fault, request_id: str) -> str:
        """Return the event that ends a stream without an answer."""
        return event(fault.body())

    def _chunk(self, delta: Mapping[str, Any], finish_reason: str | None = None, **more: Any) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
        usage_comes = {"usage": None} if self._job_request.include_usage else {}
        return event({**self._same, "choices": [choice], **usage_comes, **more})


def _call(at: int, call: ToolCall) -> dict[str, Any]:
    return {"index": at, **call.model_dump(mode="json")}
