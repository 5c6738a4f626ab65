"""A model as it is configured: its wire format and address, limits, circuit breaker and price."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from .facts import Metric
from .frozen import Frozen
from .job import Name

Ability = Literal["images", "tools", "json_schema"]


DroppableParam = Literal[
    "max_tokens", "temperature", "top_p", "top_k", "frequency_penalty", "presence_penalty", "stop", "seed",
    "tool_choice", "parallel_tool_calls", "response_format", "reasoning_effort", "thinking", "verbosity",
    "stream_options",
]  # fmt: skip


class Limits(Frozen):
    """What the vendor allows, over all workers together; absent means no limit.

    With `smooth` what is allowed per minute is spread over the minute, but for a burst of a tenth of it; without,
    all of it may go at once, and nothing for the rest.
    """

    concurrency: int | None = Field(default=None, ge=1)
    requests_per_minute: int | None = Field(default=None, ge=1)
    tokens_per_minute: int | None = Field(default=None, ge=1)
    smooth: bool = True


class Breaker(Frozen):
    """When a model's own faults take it out of routing, over all workers together.

    It opens when at least `min_calls` of the last `window_seconds` have ended and `error_ratio` of them failed by
    the model's own fault; after `open_seconds`, twice as long each time in a row up to `max_open_seconds`, it is
    half-open: `probes` jobs go to it at a time, and as many answers close it, one fault opens it again.
    Long before, after `suspect_after` faults in a row (0 for never), it is suspect: it gets one job now and then.
    """

    window_seconds: float = Field(default=60.0, ge=1, le=3600)
    min_calls: int = Field(default=20, ge=1, le=10_000)
    error_ratio: float = Field(default=0.5, gt=0, le=1)
    open_seconds: float = Field(default=10.0, ge=0.1, le=3600)
    max_open_seconds: float = Field(default=300.0, ge=0.1, le=86_400)
    probes: int = Field(default=3, ge=1, le=100)
    suspect_after: int = Field(default=5, ge=0, le=10_000)


class Price(Frozen):
    """USD per million tokens; cached input costs the input price where nothing else is said."""

    input_usd_per_mtok: float = Field(ge=0)
    output_usd_per_mtok: float = Field(ge=0)
    cached_input_usd_per_mtok: float | None = Field(default=None, ge=0)


class Model(Frozen):
    """One routable LLM backend.

    `upstream` is the name the vendor knows, `api_key_env` names the environment variable with the key (absent:
    the server wants none), `worker_concurrency` is the number of calls one worker process has in flight.
    With `stream: always` it is called as a stream for every job: then a silence of `idle_timeout_seconds` between
    two pieces of its answer ends the call, and a server that is left stops generating. Models of one `vendor`
    (default: the host of `base_url`) share its filters.
    """

    name: Name
    format: Literal["openai", "anthropic", "gemini"]
    base_url: str = Field(pattern=r"^https?://")
    upstream: str = Field(min_length=1)
    vendor: str = ""
    api_key_env: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    worker_concurrency: int = Field(default=8, ge=1, le=10_000)
    limits: Limits = Limits()
    breaker: Breaker | None = Breaker()
    context_window: int | None = Field(default=None, ge=1)
    max_output_tokens: int = Field(default=4096, ge=1)
    timeout_seconds: float = Field(default=120.0, gt=0, le=3600)
    idle_timeout_seconds: float | None = Field(default=None, gt=0, le=3600)
    stream: Literal["when_asked", "always"] = "when_asked"
    price: Price | None = None
    abilities: frozenset[Ability] = frozenset()
    drop_params: tuple[DroppableParam, ...] = ()
    headers: dict[str, str] = Field(default_factory=dict)
    anthropic_version: str = "2023-06-01"
    api_version: Literal["v1", "v1beta"] = "v1beta"
    max_tokens_field: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    profile: dict[Metric, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _vendor_is_the_host(cls, data: object) -> object:
        if not isinstance(data, Mapping) or data.get("vendor"):
            return data
        return {**data, "vendor": urlsplit(str(data.get("base_url"))).hostname or ""}

    @property
    def queue(self) -> str:
        """The Celery queue of this model."""
        return f"llm.{self.name}"
