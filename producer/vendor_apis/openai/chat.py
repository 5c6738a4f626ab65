"""POST /v1/chat/completions: its body as a job, and a job's record as its answer.

https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pointsman.router.vocabulary.chat import Answer, ChatRequest, Usage
from pointsman.router.vocabulary.job import JobRecord, JobResult

from ..faults import Refused
from ..parameters import CHAT
from ..request import JobRequest, Names, checked, job_of

REQUEST = (
    "messages", "temperature", "top_p", "frequency_penalty", "presence_penalty", "stop", "seed", "tools",
    "tool_choice", "parallel_tool_calls", "response_format", "reasoning_effort", "verbosity",
)  # fmt: skip
"""Parameters that our own chat request has under the same name and in the same shape."""

STREAM_OPTIONS = frozenset({"include_usage", "include_obfuscation"})
"""Only the first is done; the other would pad the chunks, so that their sizes tell nothing."""

ECHOED = frozenset({"refusal", "audio", "annotations", "function_call", "tool_calls"})
"""Fields of an assistant's message that a caller sends back as it got them: empty, they say nothing."""


def read_chat(body: Mapping[str, Any], names: Names) -> JobRequest:
    """Return the job that a body asks for; raises Refused naming the parameter that is wrong."""
    kept, ignored = CHAT.sort_out(body)
    request = {name: kept[name] for name in REQUEST if name in kept}
    request["max_tokens"] = kept.get("max_completion_tokens", kept.get("max_tokens"))
    if isinstance(request.get("messages"), Sequence):
        request["messages"] = [_message(message) for message in request["messages"]]
    if isinstance(request.get("tools"), Sequence):
        request["tools"] = [_tool(tool) for tool in request["tools"]]
    spec = job_of(kept, checked(ChatRequest, request), names)
    include_usage, left_out = _stream_options(kept.get("stream_options", {}), stream=spec.stream)
    return JobRequest(spec, tuple(sorted({*ignored, *left_out})), include_usage)


def _stream_options(options: Any, *, stream: bool) -> tuple[bool, tuple[str, ...]]:
    """Return whether the usage is asked for, and the names of what is ignored."""
    if not isinstance(options, Mapping):
        raise Refused("'stream_options' must be an object.", param="stream_options", code="invalid_type")
    for name, value in options.items():
        param = f"stream_options.{name}"
        if name not in STREAM_OPTIONS:
            raise Refused(f"Unknown parameter: '{param}'.", param=param, code="unsupported_parameter")
        if not isinstance(value, bool | None):
            raise Refused(f"'{param}' must be true or false.", param=param, code="invalid_type")
    if not stream:
        return False, ("stream_options",) if options else ()
    left_out = ("stream_options.include_obfuscation",) if "include_obfuscation" in options else ()
    return options.get("include_usage") is True, left_out


def _message(message: Any) -> Any:
    if not isinstance(message, Mapping):
        return message
    fields = {name: value for name, value in message.items() if value or name not in ECHOED}
    # what the newer models call developer is what all others call system
    return {**fields, "role": "system"} if fields.get("role") == "developer" else fields


def _tool(tool: Any) -> Any:
    """Return the tool without fields that are null, which OpenAI takes for absent."""
    function = tool.get("function") if isinstance(tool, Mapping) else None
    if not isinstance(function, Mapping):
        return tool
    return {**tool, "function": {name: value for name, value in function.items() if value is not None}}


def completion(record: JobRecord, *, ignored: Sequence[str] = ()) -> dict[str, Any]:
    """Return the ChatCompletion of a job that succeeded."""
    result = result_of(record)
    return {
        "id": f"chatcmpl-{record.id}",
        "object": "chat.completion",
        "created": int(record.finished or record.submitted),
        "model": result.model,
        "choices": [
            {
                "index": 0,
                "finish_reason": result.answer.finish_reason,
                "logprobs": None,
                "message": _answer_message(result.answer),
            }
        ],
        "usage": usage(result.answer.usage),
        "pointsman": ours(record, ignored),
    }


def _answer_message(answer: Answer) -> dict[str, Any]:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": answer.text if answer.text or not answer.tool_calls else None,
        "refusal": None,
        "annotations": [],
    }
    if answer.tool_calls:
        message["tool_calls"] = [call.model_dump(mode="json") for call in answer.tool_calls]
    return message


def usage(usage: Usage) -> dict[str, Any]:
    """Return the usage with every detail field; what no vendor reports is 0."""
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens, "audio_tokens": 0, "cache_write_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def result_of(record: JobRecord) -> JobResult:
    """Return the result of a job that succeeded; raises Refused where it has expired."""
    if record.result is None:
        raise Refused(f"the result of job {record.id} has expired", status=404, code="result_expired")
    return record.result


def ours(record: JobRecord, ignored: Sequence[str]) -> dict[str, Any]:
    """Return what OpenAI's shape has no place for: where the job went, what it cost, what was left out of it."""
    result = result_of(record)
    return {
        "job_id": record.id,
        "task_class": record.task_class,
        "cost_usd": result.cost_usd,
        "attempts": record.attempts,
        "ignored": list(ignored),
        "dropped": list(result.dropped),
        "simulated": result.answer.simulated,
    }
