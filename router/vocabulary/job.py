"""What a job is: its states and their moves, what a caller submits, and what is known of it later."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, Self

from pydantic import (
    AwareDatetime,
    ConfigDict,
    Field,
    JsonValue,
    StrictBool,
    StrictFloat,
    StrictInt,
    WithJsonSchema,
    model_validator,
)

from .chat import Answer, ChatRequest
from .errors import ErrorKind
from .facts import JobFacts, Metric, affinity_of, input_tokens, needed_abilities, output_tokens
from .frozen import Frozen
from .json_schema import JOB, NoText
from .webhook import Webhook

PAYLOAD_SCHEMA = 2
"""Version of the payload a worker gets at claim; a worker releases a payload newer than it knows."""

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
"""What models, task classes and tenants may be called: safe in a Redis key, a queue name and a URL."""

LONGEST_DELAY_SECONDS = 366 * 86_400
"""How far `not_before` may lie ahead; more is more likely milliseconds taken for seconds."""

Name = Annotated[str, Field(pattern=NAME_PATTERN)]
ContextValue = Annotated[str, Field(max_length=200)] | StrictBool | StrictInt | StrictFloat | list[str]
Moment = Annotated[
    AwareDatetime,
    WithJsonSchema({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "number"}]}),
]
JobId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")]


class JobState(StrEnum):
    """Where a job is. The last four are terminal; only `retry` leads out of two of them."""

    PENDING = "pending"
    BOUND = "bound"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def terminal(self) -> bool:
        """Whether a job in this state has come to its end."""
        return self in TERMINAL


DEAD = frozenset({JobState.FAILED, JobState.EXPIRED})
"""What dead letters are: jobs that ended without an answer and against their caller's will."""

TERMINAL = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED, JobState.EXPIRED})

MOVES: Mapping[str, Mapping[JobState, frozenset[JobState]]] = MappingProxyType(
    {
        "bind": {JobState.PENDING: frozenset({JobState.BOUND})},
        "reject": {JobState.PENDING: frozenset({JobState.FAILED})},
        "claim": {JobState.BOUND: frozenset({JobState.RUNNING})},
        "release": {JobState.BOUND: frozenset({JobState.PENDING})},
        "settle": {
            JobState.RUNNING: frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.PENDING, JobState.EXPIRED})
        },
        "reap": {JobState.RUNNING: frozenset({JobState.PENDING, JobState.FAILED, JobState.EXPIRED})},
        "quarantine": {
            JobState.PENDING: frozenset({JobState.FAILED}),
            JobState.BOUND: frozenset({JobState.FAILED}),
            JobState.RUNNING: frozenset({JobState.FAILED}),
        },
        "retry": {
            JobState.FAILED: frozenset({JobState.PENDING}),
            JobState.EXPIRED: frozenset({JobState.PENDING}),
        },
        "cancel": {
            JobState.PENDING: frozenset({JobState.CANCELLED}),
            JobState.BOUND: frozenset({JobState.CANCELLED}),
            JobState.RUNNING: frozenset({JobState.CANCELLED}),
        },
        "expire": {
            JobState.PENDING: frozenset({JobState.EXPIRED}),
            JobState.BOUND: frozenset({JobState.EXPIRED}),
            JobState.RUNNING: frozenset({JobState.EXPIRED}),
        },
    }
)
"""verb -> state before -> states after. The Lua scripts enforce this very table."""


def new_job_id() -> str:
    """Return a fresh id that sorts by the time it was made: 12 hex digits of milliseconds, 12 random ones."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(6)}"


class JobSpec(Frozen):
    """What a caller submits: a prompt or a chat request, and how the job is to be treated.

    Give `prompt` (with an optional `system`) or `request`, not both. `priority` is 0 to 9, 9 first. Nothing is
    called before `not_before`, ISO 8601 with its zone or Unix seconds; from then, or from now, the whole job may
    take `expires_in` seconds, retries included. `model` is a model, which pins the job, or an alias. `strategy` is
    used in place of the class's; `metric` is for model_aware, `affinity_key` for consistent_hash (default: the
    prompt), `context` for the rules of contextual. Models that are expected to cost more than `max_cost_usd` for
    one call are ruled out. With `stream` the answer can be followed while it is made; once its first words are out
    there is no second try. `webhook` is notified of the job's end: a URL, or one with the events it wants.
    """

    model_config = ConfigDict(json_schema_extra=JOB)

    prompt: str | None = None
    system: str | None = None
    request: ChatRequest | None = None
    task_class: Name | None = None
    model: Name | None = None
    priority: Annotated[int, Field(ge=0, le=9), NoText] = 5
    tenant: Name = "default"
    id: JobId | None = None
    idempotency_key: str | None = Field(default=None, min_length=1, max_length=200)
    expires_in: Annotated[float, Field(gt=0, le=30 * 86_400), NoText] | None = None
    not_before: Moment | None = None
    max_attempts: Annotated[int, Field(ge=1, le=50), NoText] | None = None
    metadata: dict[str, str] = Field(default_factory=dict, max_length=16)
    strategy: tuple[str, ...] = Field(default=(), max_length=4)
    metric: Metric | None = None
    affinity_key: str | None = Field(default=None, min_length=1, max_length=1000)
    context: dict[str, ContextValue] = Field(default_factory=dict, max_length=16)
    max_cost_usd: Annotated[float, Field(ge=0), NoText] | None = None
    stream: bool = Field(default=False, strict=True)
    webhook: Webhook | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_strategy_is_a_list(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("strategy"), str):
            return {**data, "strategy": (data["strategy"],)}
        return data

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Self:
        if (self.prompt is None) == (self.request is None):
            raise ValueError("give either prompt or request")
        if self.system is not None and self.request is not None:
            raise ValueError("system goes with prompt; inside request it is a message of role 'system'")
        if self.prompt is not None and not self.prompt.strip():
            raise ValueError("prompt is empty")
        if self.not_before is not None and self.not_before.timestamp() > time.time() + LONGEST_DELAY_SECONDS:
            raise ValueError("not_before is more than a year away")
        return self

    def facts(self, chat: ChatRequest) -> JobFacts:
        """Return what routing has to know of the job; `chat` is its chat request."""
        return JobFacts(
            input_tokens=input_tokens(chat),
            output_tokens=output_tokens(chat),
            needs=needed_abilities(chat),
            affinity=affinity_of(self.affinity_key or "".join(f"{m.role}:{m.content}\n" for m in chat.messages)),
            strategy=self.strategy,
            metric=self.metric,
            context=self.context,
            max_cost_usd=self.max_cost_usd,
        )

    def chat(self) -> ChatRequest:
        """Return the chat request, built from `prompt` and `system` where no `request` was given."""
        if self.request is not None:
            return self.request
        system = [{"role": "system", "content": self.system}] if self.system else []
        return ChatRequest.model_validate({"messages": [*system, {"role": "user", "content": self.prompt}]})


class JobError(Frozen):
    """Why a job failed: a kind of the closed vocabulary, and the words that came with it."""

    kind: ErrorKind
    message: str


class Attempt(Frozen):
    """One binding of a job that came to a call or was lost; times are Unix seconds by Redis's clock.

    `first_token_seconds` is how long a streamed call took to its first words.
    """

    number: int
    binding: int
    model: str
    worker: str = ""
    started: float
    ended: float | None = None
    first_token_seconds: float | None = None
    kind: ErrorKind | None = None
    reason: str = ""
    decision: dict[str, JsonValue] | None = None
    dropped: tuple[str, ...] = ()
    simulated: bool = False


class JobResult(Frozen):
    """What a succeeded job returns, and what `AsyncResult(job_id).get()` returns as a dict."""

    answer: Answer
    model: str
    seconds: float
    cost_usd: float | None = None
    dropped: tuple[str, ...] = ()


class JobRecord(Frozen):
    """All that is known of one job; times are Unix seconds by Redis's clock."""

    id: str
    state: JobState
    task_class: str | None = None
    model: str | None = None
    pinned_model: str | None = None
    tenant: str
    priority: int
    submitted: float
    expires: float
    finished: float | None = None
    not_before: float | None = None
    binding: int = 0
    attempts: int = 0
    losses: int = 0
    max_attempts: int
    metadata: dict[str, str] = Field(default_factory=dict)
    classified_by: str | None = None
    batch: str | None = None
    decision: dict[str, JsonValue] | None = None
    history: tuple[Attempt, ...] = ()
    result: JobResult | None = None
    error: JobError | None = None

    @property
    def done(self) -> bool:
        """Whether the job has come to its end."""
        return self.state.terminal

    @property
    def queue_seconds(self) -> float | None:
        """The seconds in which no call was made, between tries too; None until the job has ended."""
        if self.finished is None:
            return None
        called = sum((attempt.ended or self.finished) - attempt.started for attempt in self.history)
        return max(0.0, self.finished - self.submitted - called)

    def summary(self) -> dict[str, Any]:
        """Return the record as JSON-ready data without the fields that are not set."""
        return self.model_dump(mode="json", exclude_none=True)
