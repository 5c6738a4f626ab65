"""Reads the answers of OpenAI chat completions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from pointsman.router.vocabulary.chat import Answer, FunctionCall, ToolCall, Usage

from .reply import Count, Finish, Shape, Text, Word, content_filtered, is_simulated, never_empty, read

FINISHES: Mapping[str, Finish] = {"stop": "stop", "length": "length", "tool_calls": "tool_calls"}


class CalledFunction(Shape):
    """The function that the model calls, with its arguments as the model wrote them."""

    name: Word
    arguments: Text


class ReplyCall(Shape):
    """One call of a tool."""

    id: Word
    function: CalledFunction


class ReplyMessage(Shape):
    """What the model said: content, a refusal, or calls of tools."""

    content: Text | None = None
    refusal: Text | None = None
    tool_calls: list[ReplyCall] | None = None


class ReplyChoice(Shape):
    """One of the answers asked for; we ask for one."""

    finish_reason: Literal["stop", "length", "tool_calls", "content_filter"]
    message: ReplyMessage


class PromptDetails(Shape):
    """Of which kind the prompt's tokens are."""

    cached_tokens: Count = None


class OpenAITokens(Shape):
    """The tokens of the call."""

    prompt_tokens: Count = None
    completion_tokens: Count = None
    prompt_tokens_details: PromptDetails | None = None


class CompletionReply(Shape):
    """The body of a 2xx reply."""

    id: Text | None = None
    model: Text | None = None
    choices: list[ReplyChoice] = Field(min_length=1)
    usage: OpenAITokens | None = None


def read_answer(body: Any, *, stops: bool = False) -> Answer:
    """Translate the JSON body of a 2xx reply; raises CallFailed where it is not a usable answer."""
    completion = read(CompletionReply, body)
    choice = completion.choices[0]
    message = choice.message
    if choice.finish_reason == "content_filter":
        raise content_filtered(message.refusal or choice.finish_reason)
    if message.refusal and not message.content and not message.tool_calls:
        raise content_filtered(message.refusal)
    return never_empty(
        Answer(
            text=message.content or "",
            finish_reason=FINISHES[choice.finish_reason],
            tool_calls=tuple(_tool_call(call) for call in message.tool_calls or ()),
            usage=_usage(completion.usage or OpenAITokens()),
            upstream_model=completion.model,
            upstream_id=completion.id,
            simulated=is_simulated(body),
        ),
        stops=stops,
    )


def _tool_call(call: ReplyCall) -> ToolCall:
    return ToolCall(id=call.id, function=FunctionCall(name=call.function.name, arguments=call.function.arguments))


def _usage(tokens: OpenAITokens) -> Usage:
    details = tokens.prompt_tokens_details or PromptDetails()
    return Usage(
        input_tokens=tokens.prompt_tokens or 0,
        output_tokens=tokens.completion_tokens or 0,
        cached_tokens=details.cached_tokens or 0,
    )
