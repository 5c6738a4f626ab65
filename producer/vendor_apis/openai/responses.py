"""POST /v1/responses: its body as a job, and a job's record as its answer.

https://platform.openai.com/docs/api-reference/responses
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pointsman.router.vocabulary.chat import Answer, ChatRequest, Usage
from pointsman.router.vocabulary.job import JobRecord

from ..faults import Refused
from ..parameters import RESPONSES
from ..request import JobRequest, Names, checked, job_of
from .chat import ours, result_of
from .items import messages_of

ECHOED = (
    "model", "instructions", "max_output_tokens", "metadata", "parallel_tool_calls", "reasoning", "temperature",
    "text", "tool_choice", "tools", "top_p",
)  # fmt: skip
"""Parameters that a Response repeats."""

TOOL = frozenset({"name", "description", "parameters", "strict"})

PARAM_NAMES = (
    (r"response_format(\.json_schema)?", "text.format"),
    ("verbosity", "text.verbosity"),
    ("reasoning_effort", "reasoning.effort"),
    ("max_tokens", "max_output_tokens"),
    (r"tools\.(\d+)\.function", r"tools.\1"),
    ("messages.*", "input"),
)
"""What the fields of a chat request are called in a Response; one message may stand for several items."""


def read_response(body: Mapping[str, Any], names: Names) -> JobRequest:
    """Return the job that a body asks for; raises Refused naming the parameter that is wrong."""
    kept, ignored = RESPONSES.sort_out(body)
    text = _only(("format", "verbosity"), kept.get("text", {}), "text")
    reasoning = _only(("effort",), kept.get("reasoning", {}), "reasoning")
    request = {
        "messages": messages_of(kept.get("instructions"), kept.get("input")),
        "max_tokens": kept.get("max_output_tokens"),
        "temperature": kept.get("temperature"),
        "top_p": kept.get("top_p"),
        "tools": _tools(kept.get("tools", [])),
        "tool_choice": _tool_choice(kept.get("tool_choice")),
        "parallel_tool_calls": kept.get("parallel_tool_calls"),
        "response_format": _format(text.get("format")),
        "verbosity": text.get("verbosity"),
        "reasoning_effort": reasoning.get("effort"),
    }
    return JobRequest(job_of(kept, checked(ChatRequest, request, param_names=PARAM_NAMES), names), ignored)


def _tools(tools: Any) -> list[dict[str, Any]]:
    if not isinstance(tools, list):
        raise Refused("'tools' must be a list.", param="tools", code="invalid_type")
    return [_tool(tool, at) for at, tool in enumerate(tools)]


def _tool(tool: Any, at: int) -> dict[str, Any]:
    if not isinstance(tool, Mapping) or tool.get("type") != "function":
        raise Refused(
            "only tools of type 'function' can be called", param=f"tools.{at}.type", code="unsupported_parameter"
        )
    function = {name: value for name, value in tool.items() if name != "type" and value is not None}
    for name in function.keys() - TOOL:
        raise Refused(
            f"Unknown parameter: 'tools.{at}.{name}'.", param=f"tools.{at}.{name}", code="unsupported_parameter"
        )
    return {"type": "function", "function": function}


def _tool_choice(choice: Any) -> Any:
    if not isinstance(choice, Mapping):
        return choice
    return {"type": choice.get("type"), "function": {name: choice[name] for name in choice if name != "type"}}


def _only(known: tuple[str, ...], given: Any, path: str) -> Mapping[str, Any]:
    """Return an object of which only these fields are known; raises Refused naming another one."""
    if not isinstance(given, Mapping):
        raise Refused(f"'{path}' must be an object.", param=path, code="invalid_type")
    for name in given:
        if name not in known and given[name] is not None:
            param = f"{path}.{name}"
            raise Refused(f"Unsupported parameter: '{param}'.", param=param, code="unsupported_parameter")
    return given


def _format(wanted: Any) -> Any:
    """Return the response_format of a chat request for a `text.format`."""
    if not isinstance(wanted, Mapping):
        return wanted
    if wanted.get("type") != "json_schema":
        return dict(wanted)
    return {"type": "json_schema", "json_schema": {name: wanted[name] for name in wanted if name != "type"}}


def response(record: JobRecord, body: Mapping[str, Any], *, ignored: Sequence[str] = ()) -> dict[str, Any]:
    """Return the Response of a job that succeeded; `body` is what was asked."""
    result = result_of(record)
    cut = result.answer.finish_reason == "length"
    return {
        "id": f"resp_{record.id}",
        "object": "response",
        "created_at": record.submitted,
        "completed_at": record.finished,
        "status": "incomplete" if cut else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "error": None,
        "model": result.model,
        "output": _output(record.id, result.answer),
        "usage": usage(result.answer.usage),
        **echo(body),
        "pointsman": ours(record, ignored),
    }


def echo(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that a Response repeats, but for its model, and those that are always the same."""
    return {
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "metadata": body.get("metadata") or {},
        "parallel_tool_calls": body.get("parallel_tool_calls") is not False,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None} | _given(body.get("reasoning")),
        "temperature": body.get("temperature"),
        "text": {"format": {"type": "text"}} | _given(body.get("text")),
        "tool_choice": body.get("tool_choice") or "auto",
        "tools": [{"parameters": None, "strict": None, **tool} for tool in body.get("tools") or ()],
        "top_p": body.get("top_p"),
        "truncation": "disabled",
    }


def _given(part: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (part or {}).items() if value is not None}


def _output(job_id: str, answer: Answer) -> list[dict[str, Any]]:
    status = "incomplete" if answer.finish_reason == "length" else "completed"
    calls = [
        {
            "type": "function_call",
            "id": f"fc_{job_id}_{at}",
            "call_id": call.id,
            "name": call.function.name,
            "arguments": call.function.arguments,
            "status": "completed",
        }
        for at, call in enumerate(answer.tool_calls)
    ]
    if not answer.text and calls:
        return calls
    text = {"type": "output_text", "text": answer.text, "annotations": [], "logprobs": []}
    return [
        {"type": "message", "id": f"msg_{job_id}", "role": "assistant", "status": status, "content": [text]},
        *calls,
    ]


def usage(usage: Usage) -> dict[str, Any]:
    """Return the usage with every detail field; what no vendor reports is 0."""
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
