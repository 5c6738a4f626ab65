"""The chat request that a job carries and the answer that comes back, in one vendor-neutral shape.

The request follows the OpenAI chat completions shape, the one most callers already have; the adapters in
`pointsman.workers.providers` translate it for the other wire formats.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, JsonValue, StrictBool, model_validator

from .frozen import Frozen
from .json_schema import MESSAGE, RESPONSE_FORMAT, THINKING, NoText

MOST_OUTPUT_TOKENS = 100_000_000
"""Far above what any model can answer, and small enough to be counted exactly everywhere."""


class TextPart(Frozen):
    """A piece of text inside a message."""

    model_config = ConfigDict(json_schema_extra={"required": ["type", "text"]})

    type: Literal["text"] = "text"
    text: str


class ImageUrl(Frozen):
    """Where an image is: an https URL, or a `data:image/...;base64,` URL."""

    url: str = Field(pattern=r"^(https?://|data:image/[a-z0-9.+-]+;base64,)")
    detail: Literal["auto", "low", "high"] = "auto"


class ImagePart(Frozen):
    """An image inside a user message."""

    model_config = ConfigDict(json_schema_extra={"required": ["type", "image_url"]})

    type: Literal["image_url"] = "image_url"
    image_url: ImageUrl


ContentPart = Annotated[TextPart | ImagePart, Field(discriminator="type")]


class FunctionCall(Frozen):
    """The function a model wants to call; `arguments` is JSON text, as the model wrote it."""

    name: str
    arguments: str


class ToolCall(Frozen):
    """One call of a tool, with the id its answer has to name."""

    id: str
    type: Literal["function"] = "function"
    function: FunctionCall


class Message(Frozen):
    """One message of a conversation."""

    model_config = ConfigDict(json_schema_extra=MESSAGE)

    role: Literal["system", "user", "assistant", "tool"]
    content: str | tuple[ContentPart, ...] | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    name: str | None = None

    @model_validator(mode="after")
    def _fits_its_role(self) -> Self:
        if self.role == "tool" and not self.tool_call_id:
            raise ValueError("a message of role 'tool' needs tool_call_id")
        if self.role != "assistant" and self.tool_calls:
            raise ValueError("only a message of role 'assistant' can have tool_calls")
        if self.content is None and not self.tool_calls:
            raise ValueError("a message needs content")
        return self


class FunctionSpec(Frozen):
    """What a tool is called, what it does and the JSON schema of its arguments."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    description: str = ""
    parameters: dict[str, JsonValue] = {"type": "object", "properties": {}}  # noqa: RUF012 # pydantic copies it
    strict: StrictBool | None = None


class Tool(Frozen):
    """A tool the model may call."""

    type: Literal["function"] = "function"
    function: FunctionSpec


class NamedFunction(Frozen):
    """The name of a function."""

    name: str


class NamedTool(Frozen):
    """The one tool the model has to call."""

    type: Literal["function"] = "function"
    function: NamedFunction


class JsonSchema(Frozen):
    """A named JSON schema for structured output."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    schema_: dict[str, JsonValue] = Field(alias="schema")
    description: str | None = None
    strict: StrictBool | None = None

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)


class ResponseFormat(Frozen):
    """The shape the answer must have."""

    model_config = ConfigDict(json_schema_extra=RESPONSE_FORMAT)

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None

    @model_validator(mode="after")
    def _has_its_schema(self) -> Self:
        if (self.type == "json_schema") != (self.json_schema is not None):
            raise ValueError("json_schema goes with type 'json_schema', and only with it")
        return self


class Thinking(Frozen):
    """How a model may think before it answers, in Anthropic's words; `budget_tokens` goes with `enabled`."""

    model_config = ConfigDict(json_schema_extra=THINKING)

    type: Literal["enabled", "adaptive", "between_tools", "disabled"]
    budget_tokens: Annotated[int, Field(ge=1024, le=MOST_OUTPUT_TOKENS), NoText] | None = None

    @model_validator(mode="after")
    def _has_its_budget(self) -> Self:
        if (self.type == "enabled") != (self.budget_tokens is not None):
            raise ValueError("budget_tokens goes with type 'enabled', and only with it")
        return self


class ChatRequest(Frozen):
    """A whole chat request. `max_tokens` counts output tokens; `stop` holds at most four strings.

    What a model's wire format has no words for is left out, and named in the `dropped` of the result.
    """

    messages: tuple[Message, ...] = Field(min_length=1)
    max_tokens: Annotated[int, Field(ge=1, le=MOST_OUTPUT_TOKENS), NoText] | None = None
    temperature: Annotated[float, Field(ge=0, le=2), NoText] | None = None
    top_p: Annotated[float, Field(gt=0, le=1), NoText] | None = None
    top_k: Annotated[int, Field(ge=1, le=MOST_OUTPUT_TOKENS), NoText] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2), NoText] | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2), NoText] | None = None
    stop: tuple[str, ...] = Field(default=(), max_length=4)
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63), NoText] | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: Literal["auto", "none", "required"] | NamedTool | None = None
    parallel_tool_calls: StrictBool | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    thinking: Thinking | None = None
    verbosity: Literal["low", "medium", "high"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_stop_string_is_a_list(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("stop"), str):
            return {**data, "stop": [data["stop"]]}
        return data


class Usage(Frozen):
    """Tokens of one call. `cached_tokens` is the part of `input_tokens` that the vendor read from its cache."""

    input_tokens: int = Field(default=0, ge=0)
    output_tokens: int = Field(default=0, ge=0)
    cached_tokens: int = Field(default=0, ge=0)


class Answer(Frozen):
    """What a model answered, checked: there is always a finish reason, and text or a tool call or a length stop.

    `stop_sequence` is the one of `stop` that ended it, where the vendor says so.
    """

    text: str
    finish_reason: Literal["stop", "length", "tool_calls"]
    tool_calls: tuple[ToolCall, ...] = ()
    stop_sequence: str | None = None
    usage: Usage = Usage()
    upstream_model: str | None = None
    upstream_id: str | None = None
    simulated: bool = False
