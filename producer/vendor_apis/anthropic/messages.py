"""POST /v1/messages: its body as a job, and a job's record as its answer.

https://docs.anthropic.com/en/api/messages
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from pointsman.router.vocabulary.chat import Answer, ChatRequest, ToolCall, Usage
from pointsman.router.vocabulary.job import JobRecord

from ..openai import JobRequest, Refused
from ..openai.chat import ours, result_of
from ..request import checked, job_of
from . import blocks
from .parameters import MESSAGES, check_version

if TYPE_CHECKING:  # what reads models.yaml is not there where only the client is installed
    from pointsman.router.routing.catalog import Catalog

TOOL = frozenset({"type", "name", "description", "input_schema", "strict"})
NAMES: Mapping[str, str] = {"input_schema": "parameters"}
CHOICE = frozenset({"type", "name", "disable_parallel_tool_use"})
CHOICES: Mapping[Any, str] = {"auto": "auto", "any": "required", "none": "none"}

PARAM_NAMES = (
    (r"response_format(\.json_schema)?", "output_config.format"),
    ("reasoning_effort", "output_config.effort"),
    ("stop", "stop_sequences"),
    (r"tools\.(\d+)\.function\.parameters", r"tools.\1.input_schema"),
    (r"tools\.(\d+)\.function", r"tools.\1"),
    ("messages.*", "messages"),
)
"""What the fields of a chat request are called here; one message may stand for several of ours."""

STOP_REASONS: Mapping[str, str] = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}


def read_message(body: Mapping[str, Any], catalog: Catalog, *, version: str | None) -> JobRequest:
    """Return the job that a body asks for under a version of the API; raises Refused naming what is wrong."""
    check_version(version, body)
    kept, ignored = MESSAGES.sort_out(body)
    if "max_tokens" not in kept:
        raise Refused("max_tokens: Field required", param="max_tokens", code="missing_required_parameter")
    left_out: set[str] = set()
    request = {
        "messages": blocks.messages_of(kept.get("system"), kept.get("messages"), left_out),
        "max_tokens": kept["max_tokens"],
        "temperature": kept.get("temperature"),
        "top_p": kept.get("top_p"),
        "stop": kept.get("stop_sequences", ()),
        "top_k": kept.get("top_k"),
        "thinking": _thinking(kept.get("thinking"), left_out),
        "tools": _tools(kept.get("tools", []), left_out),
        **_choice(kept.get("tool_choice"), left_out),
        **_output(kept.get("output_config"), left_out),
    }
    if isinstance(kept.get("metadata"), Mapping):
        kept["metadata"] = {name: value for name, value in kept["metadata"].items() if value is not None}
    spec = job_of(kept, checked(ChatRequest, request, param_names=PARAM_NAMES), catalog)
    return JobRequest(spec, tuple(sorted({*ignored, *left_out})))


def _tools(tools: Any, left_out: set[str]) -> list[dict[str, Any]]:
    if not isinstance(tools, list):
        raise Refused("tools: Input should be a list", param="tools", code="invalid_type")
    return [_tool(tool, f"tools.{at}", left_out) for at, tool in enumerate(tools)]


def _tool(tool: Any, path: str, left_out: set[str]) -> dict[str, Any]:
    blocks.checked(tool, TOOL, path, left_out)
    if tool.get("type") not in (None, "custom"):
        param = f"{path}.type"
        raise Refused(f"{param}: only your own tools can be called", param=param, code="unsupported_parameter")
    given = {NAMES.get(name, name): tool[name] for name in TOOL - {"type"} if tool.get(name) is not None}
    return {"type": "function", "function": given}


def _thinking(thinking: Any, left_out: set[str]) -> Any:
    """Return how to think, without how to show it: thoughts are not in the answers."""
    if thinking is None:
        return None
    blocks.checked(thinking, frozenset({"type", "budget_tokens", "display"}), "thinking", left_out)
    left_out.update({"thinking.display"} if thinking.get("display") is not None else ())
    return {name: thinking[name] for name in thinking if name != "display"}


def _choice(choice: Any, left_out: set[str]) -> dict[str, Any]:
    if choice is None:
        return {}
    blocks.checked(choice, CHOICE, "tool_choice", left_out)
    alone = choice.get("disable_parallel_tool_use")
    if alone not in (None, True, False):
        param = "tool_choice.disable_parallel_tool_use"
        raise Refused(f"{param}: Input should be a boolean", param=param, code="invalid_value")
    return {"tool_choice": _tool_choice(choice), "parallel_tool_calls": False if alone else None}


def _tool_choice(choice: Mapping[str, Any]) -> Any:
    if choice.get("type") == "tool":
        return {"type": "function", "function": {"name": choice.get("name")}}
    kind = choice.get("type")
    if not isinstance(kind, str) or kind not in CHOICES:
        raise Refused(
            f"tool_choice.type: there is no type {kind!r}", param="tool_choice.type", code="invalid_value"
        )
    return CHOICES[kind]


def _output(config: Any, left_out: set[str]) -> dict[str, Any]:
    """Return what a chat request says of the answer for what `output_config` does."""
    if config is None:
        return {}
    blocks.checked(config, frozenset({"effort", "format"}), "output_config", left_out)
    return {
        "reasoning_effort": config.get("effort"),
        "response_format": _format(config.get("format"), left_out),
    }


def _format(wanted: Any, left_out: set[str]) -> dict[str, Any] | None:
    if wanted is None:
        return None
    blocks.checked(wanted, frozenset({"type", "schema"}), "output_config.format", left_out)
    return {"type": wanted.get("type"), "json_schema": {"name": "answer", "schema": wanted.get("schema")}}


def message(record: JobRecord, *, ignored: Sequence[str] = ()) -> dict[str, Any]:
    """Return the Message of a job that succeeded; raises Refused where this format cannot tell it."""
    result = result_of(record)
    return {
        "id": f"msg_{record.id}",
        "type": "message",
        "role": "assistant",
        "model": result.model,
        "content": _content(record.id, result.answer),
        "stop_reason": stop_reason(result.answer),
        "stop_sequence": result.answer.stop_sequence,
        "usage": usage(result.answer.usage),
        "pointsman": ours(record, ignored),
    }


def stop_reason(answer: Answer) -> str:
    """Return why an answer ended, in Anthropic's words."""
    at_sequence = answer.finish_reason == "stop" and answer.stop_sequence is not None
    return "stop_sequence" if at_sequence else STOP_REASONS[answer.finish_reason]


def _content(job_id: str, answer: Answer) -> list[dict[str, Any]]:
    text = [{"type": "text", "text": answer.text, "citations": None}] if answer.text else []
    return [*text, *(tool_use(job_id, call) for call in answer.tool_calls)]


def tool_use(job_id: str, call: ToolCall) -> dict[str, Any]:
    """Return a tool call as a block; raises Refused where its arguments are no object."""
    try:
        given = from_json(call.function.arguments or "{}", allow_inf_nan=False)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        why = (
            f"the model called {call.function.name!r} with arguments that are no JSON object, "
            f"which this format cannot carry; GET /v1/jobs/{job_id} shows them"
        )
        raise Refused(why, status=502, code="bad_response", kind="server_error")
    return {"type": "tool_use", "id": call.id, "name": call.function.name, "input": given}


def usage(usage: Usage) -> dict[str, Any]:
    """Return the usage; the three kinds of input exclude each other there."""
    return {
        "input_tokens": max(0, usage.input_tokens - usage.cached_tokens),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached_tokens,
        "output_tokens": usage.output_tokens,
    }
