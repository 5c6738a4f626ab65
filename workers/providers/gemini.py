"""Gemini generateContent.

https://ai.google.dev/api/generate-content
"""

from __future__ import annotations

import json
import mimetypes
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from pointsman.router.vocabulary.allowance import Allowance
from pointsman.router.vocabulary.chat import (
    Answer,
    ChatRequest,
    ContentPart,
    ImagePart,
    Message,
    NamedTool,
    TextPart,
    Tool,
    ToolCall,
)
from pointsman.router.vocabulary.errors import ErrorKind
from pointsman.router.vocabulary.model import Model

from .conversation import arguments_of, parts_of, system_text, turns
from .data_url import split_data_url
from .drop_params import without, without_empty
from .error_rules import TOO_LONG, Complaint, Rule, judge
from .gemini_reply import read_answer
from .gemini_stream import GeminiStream
from .headers import headers_for
from .json_path import alone, dig, first_text, objects, words
from .retry_after import from_google_details, from_headers
from .wire import WireError, WireRequest

FOREIGN_SIGNATURE = "skip_thought_signature_validator"
"""Gemini 3 refuses a tool call in the history that has no thought signature. Ours is vendor-neutral and has none;
this is the value that Google documents for history from elsewhere. https://ai.google.dev/gemini-api/docs/thought-signatures"""

RULES = (
    # FAILED_PRECONDITION: no billing, or a country that is not served. It is the account's fault, not the job's.
    Rule(
        ErrorKind.AUTH,
        statuses=frozenset({400}),
        code=re.compile(r"API_KEY_(INVALID|EXPIRED)|FAILED_PRECONDITION"),
    ),
    Rule(ErrorKind.QUOTA_EXHAUSTED, statuses=frozenset({429}), code=re.compile(r".*Per(Day|Month).*")),
    Rule(
        ErrorKind.QUOTA_EXHAUSTED,
        statuses=frozenset({429}),
        message=re.compile(r"credits are depleted|spending cap|requests per (day|month)\b", re.IGNORECASE),
    ),
    Rule(ErrorKind.CONTEXT_TOO_LONG, statuses=frozenset({400}), message=TOO_LONG),
)

KNOWS_BUDGETS = "gemini-2"
"""Models of that generation think by a number of tokens, later ones by levels; each refuses the other's way."""
BUDGETS: Mapping[str, int] = {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192} | dict.fromkeys(
    ("high", "xhigh", "max"), 24_576
)
"""Tokens by effort, as Google's own endpoint for OpenAI's clients has them. https://ai.google.dev/gemini-api/docs/openai"""
LEVELS: Mapping[str, str] = {"none": "MINIMAL", "max": "XHIGH"}
"""The efforts that are called otherwise here: without any thought these models cannot be."""

MODES: Mapping[str, str] = {"auto": "AUTO", "none": "NONE", "required": "ANY"}


WHOLE, STREAMED = "generateContent", "streamGenerateContent?alt=sse"


class GeminiGenerateContent:
    """The wire format of POST {base_url}/{api_version}/models/{upstream}:generateContent, and of its stream."""

    def request(self, chat: ChatRequest, model: Model, api_key: str | None, *, stream: bool = False) -> WireRequest:
        """Translate a chat request into one HTTP POST, which may ask for a stream."""
        kept, dropped = without(chat, {*model.drop_params, *_unknown_here(chat)})
        root = f"{model.base_url.rstrip('/')}/{model.api_version}"
        return WireRequest(
            url=f"{root}/models/{quote(model.upstream)}:{STREAMED if stream else WHOLE}",
            headers=headers_for(model, {"x-goog-api-key": api_key} if api_key else {}),
            body=_body(kept, model),
            dropped=dropped,
            stops=bool(kept.stop),
        )

    def reader(self) -> GeminiStream:
        """Return a reader for one streamed reply."""
        return GeminiStream()

    def answer(self, body: Any, *, stops: bool = False) -> Answer:
        """Translate the JSON body of a 2xx reply."""
        return read_answer(body, stops=stops)

    def error(self, status: int, headers: Mapping[str, str], body: Any) -> WireError:
        """Say what a reply with any other status means; `body` is parsed JSON, or text where it is not JSON."""
        body = alone(body)
        details = dig(body, "error", "details")
        complaint = Complaint(
            status,
            codes=words(dig(body, "error", "status"), *_reasons(details)),
            message=first_text(dig(body, "error", "message"), body),
        )
        requested_seconds = from_google_details(details)
        return judge(
            complaint,
            RULES,
            retry_after=requested_seconds if requested_seconds is not None else from_headers(headers),
        )

    def allowance(self, headers: Mapping[str, str]) -> Allowance:
        """Return nothing: Gemini sends no such headers."""
        return Allowance()


def _reasons(details: Any) -> Iterable[Any]:
    """Yield the reasons and quotas of google.rpc.ErrorInfo and the quota ids of google.rpc.QuotaFailure."""
    for detail in objects(details):
        yield detail.get("reason")
        yield dig(detail, "metadata", "quota_limit")
        for violation in objects(detail.get("violations")):
            yield violation.get("quotaId")


def _unknown_here(chat: ChatRequest) -> tuple[str, ...]:
    """Return the parameters that this format has no words for; calling tools in parallel needs none."""
    return ("thinking", "verbosity", *(() if chat.parallel_tool_calls else ("parallel_tool_calls",)))


def _body(chat: ChatRequest, model: Model) -> dict[str, Any]:
    system = system_text(chat.messages)
    given = {
        "systemInstruction": {"parts": [{"text": system}]} if system else None,
        "contents": _contents(chat.messages),
        "generationConfig": _generation_config(chat, model),
        "tools": [{"functionDeclarations": [_declaration(tool) for tool in chat.tools]}] if chat.tools else None,
        "toolConfig": _tool_config(chat.tool_choice),
    }
    return without_empty(given)


def _contents(messages: Iterable[Message]) -> list[dict[str, Any]]:
    called: dict[str, str] = {}  # the name of the function behind each tool call id, so far
    contents = []
    for by_model, turn in turns(messages):
        called |= {call.id: call.function.name for message in turn for call in message.tool_calls}
        parts = [part for message in turn for part in _parts(message, called)]
        contents.append({"role": "model" if by_model else "user", "parts": parts})
    return contents


def _parts(message: Message, called: Mapping[str, str]) -> list[dict[str, Any]]:
    if message.role == "tool":
        return _tool_result(message, called)
    calls = [_function_call(call) for call in message.tool_calls]
    if calls:
        calls[0]["thoughtSignature"] = FOREIGN_SIGNATURE
    return [*map(_part, parts_of(message)), *calls]


def _function_call(call: ToolCall) -> dict[str, Any]:
    return {"functionCall": {"id": call.id, "name": call.function.name, "args": arguments_of(call)}}


def _tool_result(message: Message, called: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the result as an object, with images beside it: a function response holds only JSON."""
    parts = parts_of(message)
    text = "".join(part.text for part in parts if isinstance(part, TextPart))
    name = called.get(message.tool_call_id or "") or message.name or message.tool_call_id
    response = {"id": message.tool_call_id, "name": name, "response": _as_object(text)}
    return [{"functionResponse": response}, *(_part(part) for part in parts if isinstance(part, ImagePart))]


def _as_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {"output": text}
    return value if isinstance(value, dict) else {"output": text}


def _part(part: ContentPart) -> dict[str, Any]:
    if not isinstance(part, ImagePart):
        return {"text": part.text}
    url = part.image_url.url
    inline = split_data_url(url)
    if inline:
        return {"inlineData": {"mimeType": inline.media_type, "data": inline.data}}
    return {"fileData": without_empty({"fileUri": url, "mimeType": mimetypes.guess_type(urlsplit(url).path)[0]})}


def _generation_config(chat: ChatRequest, model: Model) -> dict[str, Any]:
    wanted = chat.response_format
    given = {
        "temperature": chat.temperature,
        "topP": chat.top_p,
        "topK": chat.top_k,
        "frequencyPenalty": chat.frequency_penalty,
        "presencePenalty": chat.presence_penalty,
        "maxOutputTokens": chat.max_tokens,
        "stopSequences": list(chat.stop),
        "seed": chat.seed,
        "responseMimeType": "application/json" if wanted and wanted.type != "text" else None,
        "responseJsonSchema": wanted.json_schema.schema_ if wanted and wanted.json_schema else None,
        "thinkingConfig": _thinking(chat.reasoning_effort, model),
    }
    return without_empty(given)


def _thinking(effort: str | None, model: Model) -> dict[str, Any] | None:
    if effort is None:
        return None
    if model.upstream.startswith(KNOWS_BUDGETS):
        return {"thinkingBudget": BUDGETS[effort]}
    return {"thinkingLevel": LEVELS.get(effort, effort.upper())}


def _declaration(tool: Tool) -> dict[str, Any]:
    spec = tool.function
    described = without_empty({"name": spec.name, "description": spec.description})
    return {**described, "parametersJsonSchema": spec.parameters}


def _tool_config(choice: str | NamedTool | None) -> dict[str, Any] | None:
    if choice is None:
        return None
    if isinstance(choice, NamedTool):
        return {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": [choice.function.name]}}
    return {"functionCallingConfig": {"mode": MODES[choice]}}
