"""POST /v1/messages with stream: true: an answer as events, while it is made.

https://docs.anthropic.com/en/api/messages-streaming
"""

from __future__ import annotations

from typing import Any

from pointsman.router.vocabulary.chat import ToolCall, Usage
from pointsman.router.vocabulary.job import JobRecord

from ..openai import Fault, JobRequest
from ..openai.chat import result_of
from ..openai.stream import event, streamed
from .errors import error_reply
from .messages import stop_reason, tool_use, usage


class EventWriter:
    """Writes one answer as events: begin, say and say, end."""

    def __init__(self, job_request: JobRequest) -> None:
        self._job_request = job_request
        self._has_text = False

    def begin(self, record: JobRecord) -> str:
        """Return the start of the message; its usage comes at the end."""
        message: dict[str, Any] = {
            "id": f"msg_{record.id}",
            "type": "message",
            "role": "assistant",
            "model": record.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage(Usage()),
        }
        return _event("message_start", message=message)

    def write_text(self, text: str) -> str:
        """Return a piece of the text block, which opens with the first one."""
        opened = "" if self._has_text else _opened(0, {"type": "text", "text": ""})
        self._has_text = True
        return opened + _delta(0, {"type": "text_delta", "text": text})

    def end(self, record: JobRecord) -> str:
        """Return all that comes after the text: tool calls, why it ended, usage; raises Refused as `message`."""
        answer = result_of(record).answer
        closed = _event("content_block_stop", index=0) if self._has_text else ""
        calls = [
            _called(at, record.id, call)
            for at, call in enumerate(answer.tool_calls, start=1 if self._has_text else 0)
        ]
        why = _event(
            "message_delta",
            delta={"stop_reason": stop_reason(answer), "stop_sequence": answer.stop_sequence},
            usage=usage(answer.usage),
            pointsman=streamed(record, self._job_request.ignored),
        )
        return closed + "".join(calls) + why + _event("message_stop")

    def fail(self, fault: Fault, request_id: str) -> str:
        """Return the event that ends a stream without an answer."""
        _, body = error_reply(fault, request_id)
        return event(body, "error")


def _called(at: int, job_id: str, call: ToolCall) -> str:
    block = tool_use(job_id, call)
    given = {"type": "input_json_delta", "partial_json": call.function.arguments}
    return _opened(at, {**block, "input": {}}) + _delta(at, given) + _event("content_block_stop", index=at)


def _opened(at: int, block: dict[str, Any]) -> str:
    return _event("content_block_start", index=at, content_block=block)


def _delta(at: int, delta: dict[str, Any]) -> str:
    return _event("content_block_delta", index=at, delta=delta)


def _event(name: str, **data: Any) -> str:
    return event({"type": name, **data}, name)
