"""OpenAI chat completions, and every server that speaks like them.

https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pointsman.router.vocabulary.allowance import Allowance
from pointsman.router.vocabulary.chat import Answer, ChatRequest, Message, Tool
from pointsman.router.vocabulary.errors import ErrorKind
from pointsman.router.vocabulary.model import Model

from .allowance import from_openai
from .drop_params import without, without_empty
from .error_rules import REFUSED, TOO_LONG, Complaint, Rule, judge
from .headers import headers_for
from .json_path import alone, dig, first_text, words
from .openai_reply import read_answer
from .openai_stream import OpenAIStream
from .retry_after import from_headers
from .wire import WireError, WireRequest

RULES = (
    # A 429 has two meanings: too fast, or out of money. The second never heals by waiting.
    Rule(
        ErrorKind.QUOTA_EXHAUSTED,
        statuses=frozenset({400, 403, 429}),
        code=re.compile(
            r"insufficient_quota|credit_balance_exhausted|(\w+_)?(spend|usage)_limit_exceeded"
            r"|billing_(hard_limit_reached|not_active)"
        ),
    ),
    Rule(ErrorKind.RATE_LIMITED, code=re.compile(r"slow_down")),
    Rule(
        ErrorKind.CONTENT_FILTERED,
        statuses=REFUSED,
        code=re.compile(
            r"content_policy_violation|content_filter|moderation_blocked|cyber_policy|misalignment_policy_violation"
        ),
    ),
    Rule(
        ErrorKind.CONTEXT_TOO_LONG,
        statuses=REFUSED,
        code=re.compile(r"context_length_exceeded|exceed_context_size_error"),
    ),
    Rule(ErrorKind.CONTEXT_TOO_LONG, statuses=REFUSED, message=TOO_LONG),
)

UNKNOWN_HERE = ("top_k", "thinking")
"""Parameters that this format has no words for."""


class OpenAIChat:
    """The wire format of POST {base_url}/chat/completions; the base_url ends in /v1."""

    def request(self, chat: ChatRequest, model: Model, api_key: str | None, *, stream: bool = False) -> WireRequest:
        """Translate a chat request into one HTTP POST, which may ask for a stream."""
        kept, dropped = without(chat, {*model.drop_params, *UNKNOWN_HERE})
        return WireRequest(
            url=f"{model.base_url.rstrip('/')}/chat/completions",
            headers=headers_for(model, {"authorization": f"Bearer {api_key}"} if api_key else {}),
            body=_body(kept, model) | (_streamed(model) if stream else {}),
            dropped=dropped,
            stops=bool(kept.stop),
        )

    def reader(self) -> OpenAIStream:
        """Return a reader for one streamed reply."""
        return OpenAIStream()

    def answer(self, body: Any, *, stops: bool = False) -> Answer:
        """Translate the JSON body of a 2xx reply."""
        return read_answer(body, stops=stops)

    def error(self, status: int, headers: Mapping[str, str], body: Any) -> WireError:
        """Say what a reply with any other status means; `body` is parsed JSON, or text where it is not JSON."""
        # OpenAI says {"error": {...}}; look-alikes also {"error": "..."}, {"message": ...} and {"detail": ...}, and
        # Google's a list of one object.
        body = alone(body)
        error = dig(body, "error")
        fault = error if isinstance(error, dict) else body
        complaint = Complaint(
            status,
            codes=words(dig(fault, "code"), dig(fault, "type")),
            message=first_text(dig(fault, "message"), error, dig(body, "detail"), body),
        )
        return judge(complaint, RULES, retry_after=from_headers(headers))

    def allowance(self, headers: Mapping[str, str]) -> Allowance:
        """Read from any reply what the vendor still allows."""
        return from_openai(headers)


def _body(chat: ChatRequest, model: Model) -> dict[str, Any]:
    given = {
        "model": model.upstream,
        "messages": [_message(message) for message in chat.messages],
        model.max_tokens_field: chat.max_tokens,
        "temperature": chat.temperature,
        "top_p": chat.top_p,
        "frequency_penalty": chat.frequency_penalty,
        "presence_penalty": chat.presence_penalty,
        "stop": list(chat.stop),
        "seed": chat.seed,
        "tools": [_tool(tool) for tool in chat.tools],
        "tool_choice": _plain(chat.tool_choice),
        "parallel_tool_calls": chat.parallel_tool_calls,
        "response_format": _plain(chat.response_format),
        "reasoning_effort": chat.reasoning_effort,
        "verbosity": chat.verbosity,
    }
    return without_empty(given)


def _streamed(model: Model) -> dict[str, Any]:
    """Return what asks for a stream, with the usage in its last chunk where the server knows that option."""
    options = {} if "stream_options" in model.drop_params else {"stream_options": {"include_usage": True}}
    return {"stream": True, **options}


def _message(message: Message) -> dict[str, Any]:
    """Return the message; content stays even as null, since some servers want the key."""
    plain = message.model_dump(mode="json", exclude_none=True)
    if not message.tool_calls:
        del plain["tool_calls"]
    return {**plain, "content": plain.get("content")}


def _tool(tool: Tool) -> dict[str, Any]:
    return {"type": tool.type, "function": without_empty(tool.function.model_dump(mode="json"))}


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str) else value.model_dump(mode="json", exclude_none=True)
