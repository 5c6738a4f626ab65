"""Chat completions and Responses in OpenAI's shape."""

from __future__ import annotations

from typing import Any, Literal

from pointsman.router.vocabulary.chat import ToolCall
from pointsman.router.vocabulary.frozen import Frozen

from .ours import Ours, OursUnfinished


class CompletionMessage(Frozen):
    """What the model said."""

    role: Literal["assistant"]
    content: str | None
    refusal: None
    annotations: list[None]
    tool_calls: list[ToolCall] | None = None


class CompletionChoice(Frozen):
    """The one answer."""

    index: Literal[0]
    finish_reason: Literal["stop", "length", "tool_calls"]
    logprobs: None
    message: CompletionMessage


class CompletionUsage(Frozen):
    """The tokens of the call."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: dict[str, int]
    completion_tokens_details: dict[str, int]


class Completion(Frozen):
    """A chat completion."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[CompletionChoice]
    usage: CompletionUsage
    pointsman: Ours


class OutputText(Frozen):
    """A piece of text."""

    type: Literal["output_text"]
    text: str
    annotations: list[None]
    logprobs: list[None]


class OutputMessage(Frozen):
    """What the model said."""

    type: Literal["message"]
    id: str
    role: Literal["assistant"]
    status: Literal["completed", "incomplete"]
    content: list[OutputText]


class OutputCall(Frozen):
    """One call of a tool."""

    type: Literal["function_call"]
    id: str
    call_id: str
    name: str
    arguments: str
    status: Literal["completed"]


class ResponseUsage(Frozen):
    """The tokens of the call."""

    input_tokens: int
    input_tokens_details: dict[str, int]
    output_tokens: int
    output_tokens_details: dict[str, int]
    total_tokens: int


class ResponseError(Frozen):
    """Why a Response has failed."""

    code: Literal["server_error", "rate_limit_exceeded", "invalid_prompt"]
    message: str


class IncompleteDetails(Frozen):
    """Why a Response is incomplete."""

    reason: Literal["max_output_tokens", "content_filter"]


class Response(Frozen):
    """A Response in whatever state; `text`, `tools` and so on are repeated from the request."""

    id: str
    object: Literal["response"]
    created_at: float
    completed_at: float | None = None
    status: Literal["queued", "in_progress", "completed", "incomplete", "failed", "cancelled"]
    incomplete_details: IncompleteDetails | None
    error: ResponseError | None
    model: str
    output: list[OutputMessage | OutputCall]
    usage: ResponseUsage | None
    instructions: str | None
    max_output_tokens: int | None
    metadata: dict[str, str]
    parallel_tool_calls: bool
    previous_response_id: None
    reasoning: dict[str, str | None]
    temperature: float | None
    text: dict[str, Any]
    tool_choice: str | dict[str, Any]
    tools: list[dict[str, Any]]
    top_p: float | None
    truncation: Literal["disabled"]
    background: Literal[True] = True
    pointsman: Ours | OursUnfinished


class ItemList(Frozen):
    """One page of the items of an input."""

    object: Literal["list"]
    data: list[dict[str, Any]]
    first_id: str | None
    last_id: str | None
    has_more: bool


class DeletedResponse(Frozen):
    """That a Response is gone."""

    id: str
    object: Literal["response"]
    deleted: Literal[True]
