"""Anthropic Messages.

https://docs.anthropic.com/en/api/messages
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import takewhile
from typing import Any

from pointsman.router.vocabulary.allowance import Allowance
from pointsman.router.vocabulary.chat import Answer, ChatRequest, ContentPart, ImagePart, Message, NamedTool, Tool
from pointsman.router.vocabulary.errors import ErrorKind
from pointsman.router.vocabulary.model import Model

from .allowance import from_anthropic
from .anthropic_reply import read_answer
from .anthropic_stream import AnthropicStream
from .conversation import arguments_of, parts_of, system_text, turns
from .data_url import split_data_url
from .drop_params import without, without_empty
from .error_rules import REFUSED, TOO_LONG, Complaint, Rule, judge
from .headers import headers_for
from .json_path import dig, first_text, words
from .retry_after import from_headers
from .wire import WireError, WireRequest

NO_SAMPLING_SINCE = "2026-10-21"
"""From this API version on temperature, top_p and top_k are refused, even with their default values."""

UNKNOWN_HERE = ("frequency_penalty", "presence_penalty", "seed", "verbosity")
"""Parameters that no version of this format has words for."""

RULES = (
    Rule(
        ErrorKind.QUOTA_EXHAUSTED, code=re.compile(r".*_spend_limit_reached|.*_billing_unavailable|billing_error")
    ),
    # 400, but the account's fault and not the job's.
    Rule(ErrorKind.AUTH, code=re.compile(r"organization_(on_hold|type_not_supported)")),
    Rule(
        ErrorKind.QUOTA_EXHAUSTED,
        statuses=REFUSED,
        message=re.compile(r"credit balance is too low|reached your specified .{0,20}usage limits", re.IGNORECASE),
    ),
    Rule(
        ErrorKind.CONTENT_FILTERED,
        statuses=REFUSED,
        message=re.compile(r"blocked by content filtering", re.IGNORECASE),
    ),
    # 413 request_too_large limits the bytes of the body, not its tokens: no larger window helps.
    Rule(ErrorKind.CONTEXT_TOO_LONG, statuses=frozenset({400}), message=TOO_LONG),
)

CHOICES: Mapping[str, Mapping[str, str]] = {
    "auto": {"type": "auto"},
    "none": {"type": "none"},
    "required": {"type": "any"},
}

EFFORTS: Mapping[str, str | None] = {"none": None, "minimal": "low"}
"""The efforts that are called otherwise here; `none` is no effort but thinking that is disabled."""


class AnthropicMessages:
    """The wire format of POST {base_url}/v1/messages."""

    def request(self, chat: ChatRequest, model: Model, api_key: str | None, *, stream: bool = False) -> WireRequest:
        """Translate a chat request into one HTTP POST, which may ask for a stream."""
        kept, dropped = without(chat, {*model.drop_params, *_unknown_here(chat, model)})
        key = {"x-api-key": api_key} if api_key else {}
        return WireRequest(
            url=f"{model.base_url.rstrip('/')}/v1/messages",
            headers=headers_for(model, {"anthropic-version": model.anthropic_version, **key}),
            body=_body(kept, model) | ({"stream": True} if stream else {}),
            dropped=dropped,
            stops=bool(kept.stop),
        )

    def reader(self) -> AnthropicStream:
        """Return a reader for one streamed reply."""
        return AnthropicStream()

    def answer(self, body: Any, *, stops: bool = False) -> Answer:
        """Translate the JSON body of a 2xx reply."""
        return read_answer(body, stops=stops)

    def error(self, status: int, headers: Mapping[str, str], body: Any) -> WireError:
        """Say what a reply with any other status means; `body` is parsed JSON, or text where it is not JSON."""
        complaint = Complaint(
            status,
            codes=words(dig(body, "error", "type"), dig(body, "error", "details", "error_code")),
            message=first_text(dig(body, "error", "message"), body),
        )
        return judge(complaint, RULES, retry_after=from_headers(headers))

    def allowance(self, headers: Mapping[str, str]) -> Allowance:
        """Read from any reply what the vendor still allows."""
        return from_anthropic(headers)


def _unknown_here(chat: ChatRequest, model: Model) -> tuple[str, ...]:
    """Return the parameters that this format, or the version of it, has no words for."""
    sampling = ("temperature", "top_p", "top_k") if model.anthropic_version >= NO_SAMPLING_SINCE else ()
    json_object = chat.response_format is not None and chat.response_format.type == "json_object"
    return (
        *UNKNOWN_HERE,
        *sampling,
        *(("response_format",) if json_object else ()),
        *(("thinking",) if _lacks_its_thoughts(chat) else ()),
    )


def _lacks_its_thoughts(chat: ChatRequest) -> bool:
    """Say whether thinking with a budget would be refused: the result of a tool wants the thoughts before its call.

    They are not kept. https://platform.claude.com/docs/en/build-with-claude/extended-thinking
    """
    budgeted = chat.thinking is not None and chat.thinking.type == "enabled"
    since = takewhile(lambda message: message.role != "assistant", reversed(chat.messages))
    return budgeted and any(message.role == "tool" for message in since)


def _body(chat: ChatRequest, model: Model) -> dict[str, Any]:
    given = {
        "model": model.upstream,
        "max_tokens": chat.max_tokens or model.max_output_tokens,
        "system": system_text(chat.messages),
        "messages": [_turn(by_model, turn) for by_model, turn in turns(chat.messages)],
        "temperature": chat.temperature,
        "top_p": chat.top_p,
        "top_k": chat.top_k,
        "stop_sequences": list(chat.stop),
        "tools": [_tool(tool) for tool in chat.tools],
        "tool_choice": _choice(chat),
        "thinking": _thinking(chat),
        "output_config": _output_config(chat),
    }
    return without_empty(given)


def _turn(by_model: bool, turn: list[Message]) -> dict[str, Any]:
    blocks = [block for message in turn for block in _blocks(message)]
    return {"role": "assistant" if by_model else "user", "content": blocks}


def _blocks(message: Message) -> list[dict[str, Any]]:
    content = [_block(part) for part in parts_of(message)]
    if message.role == "tool":
        result = {"type": "tool_result", "tool_use_id": message.tool_call_id, "content": content}
        return [without_empty(result)]
    calls = [
        {"type": "tool_use", "id": call.id, "name": call.function.name, "input": arguments_of(call)}
        for call in message.tool_calls
    ]
    return [*content, *calls]


def _block(part: ContentPart) -> dict[str, Any]:
    if not isinstance(part, ImagePart):
        return {"type": "text", "text": part.text}
    inline = split_data_url(part.image_url.url)
    if inline is None:
        return {"type": "image", "source": {"type": "url", "url": part.image_url.url}}
    source = {"type": "base64", "media_type": inline.media_type, "data": inline.data}
    return {"type": "image", "source": source}


def _tool(tool: Tool) -> dict[str, Any]:
    spec = tool.function
    described = without_empty({"name": spec.name, "description": spec.description, "strict": spec.strict})
    return {**described, "input_schema": spec.parameters}


def _choice(chat: ChatRequest) -> Mapping[str, Any] | None:
    one_at_a_time = bool(chat.tools) and chat.parallel_tool_calls is False and chat.tool_choice != "none"
    choice = chat.tool_choice or ("auto" if one_at_a_time else None)
    if choice is None:
        return None
    wire_choice = _named(choice) if isinstance(choice, NamedTool) else CHOICES[choice]
    return {**wire_choice, "disable_parallel_tool_use": True} if one_at_a_time else wire_choice


def _named(choice: NamedTool) -> Mapping[str, str]:
    return {"type": "tool", "name": choice.function.name}


def _thinking(chat: ChatRequest) -> dict[str, Any] | None:
    if chat.thinking is not None:
        return chat.thinking.model_dump(exclude_none=True)
    return {"type": "disabled"} if chat.reasoning_effort == "none" else None


def _output_config(chat: ChatRequest) -> dict[str, Any]:
    wanted, effort = chat.response_format, chat.reasoning_effort
    schema = wanted.json_schema.schema_ if wanted and wanted.json_schema else None
    given = {
        "effort": EFFORTS.get(effort or "", effort),
        "format": None if schema is None else {"type": "json_schema", "schema": schema},
    }
    return without_empty(given)
