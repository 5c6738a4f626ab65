"""The configured models and task classes, as read from models.yaml."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from .chat import Frozen
from .job import Name
from .yaml_file import load_yaml, misplaced

Ability = Literal["images", "tools", "json_schema"]
Metric = Literal["speed", "accuracy", "creativity", "ethics", "cost"]
DroppableParam = Literal["temperature", "top_p", "stop", "seed", "max_tokens", "response_format", "tool_choice"]


NO_FILE = "set POINTSMAN_MODELS_FILE or pass --models"

KEY_HINT = (
    "a key does not belong in this file: put it into an environment variable, "
    "and give that variable's name in api_key_env, e.g. api_key_env: OPENAI_API_KEY"
)
MEANT = {"api_key": KEY_HINT, "key": KEY_HINT, "apikey": KEY_HINT, "token": KEY_HINT}
"""What to say to those who write an API key into models.yaml."""


class Limits(Frozen):
    """What the vendor allows, over all workers together; absent means no limit."""

    concurrency: int | None = Field(default=None, ge=1)
    requests_per_minute: int | None = Field(default=None, ge=1)
    tokens_per_minute: int | None = Field(default=None, ge=1)


class Price(Frozen):
    """USD per million tokens; cached input costs the input price where nothing else is said."""

    input_usd_per_mtok: float = Field(ge=0)
    output_usd_per_mtok: float = Field(ge=0)
    cached_input_usd_per_mtok: float | None = Field(default=None, ge=0)


class Model(Frozen):
    """One routable LLM backend.

    `upstream` is the name the vendor knows, `api_key_env` names the environment variable with the key (absent:
    the server wants none), `worker_concurrency` is the number of calls one worker process has in flight.
    """

    name: Name
    format: Literal["openai", "anthropic", "gemini"]
    base_url: str = Field(pattern=r"^https?://")
    upstream: str = Field(min_length=1)
    api_key_env: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    worker_concurrency: int = Field(default=8, ge=1, le=10_000)
    limits: Limits = Limits()
    context_window: int | None = Field(default=None, ge=1)
    max_output_tokens: int = Field(default=4096, ge=1)
    timeout_seconds: float = Field(default=120.0, gt=0, le=3600)
    price: Price | None = None
    abilities: frozenset[Ability] = frozenset()
    drop_params: tuple[DroppableParam, ...] = ()
    headers: dict[str, str] = Field(default_factory=dict)
    anthropic_version: str = "2023-06-01"
    api_version: Literal["v1", "v1beta"] = "v1beta"
    max_tokens_field: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    profile: dict[Metric, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)

    @property
    def queue(self) -> str:
        """The Celery queue of this model."""
        return f"llm.{self.name}"


class TaskClass(Frozen):
    """A kind of work: its candidate models in order of preference, and the strategy that chooses among them."""

    name: Name
    models: tuple[Name, ...] = Field(min_length=1)
    strategy: Literal["least_connections"] = "least_connections"
    keywords: tuple[str, ...] = ()
    on_content_filtered: Literal["fail", "next_model"] = "fail"


class Catalog(Frozen):
    """All models and task classes, by name, and the class of a job that says nothing about its class."""

    models: dict[Name, Model] = Field(min_length=1)
    task_classes: dict[Name, TaskClass] = Field(min_length=1)
    default_class: Name

    @model_validator(mode="before")
    @classmethod
    def _names_from_keys(cls, data: object) -> object:
        """Give each model and task class the name of its key in the file."""
        if not isinstance(data, Mapping):
            return data
        named = dict(data)
        for group in ("models", "task_classes"):
            entries = named.get(group)
            if isinstance(entries, Mapping):
                named[group] = {
                    key: {"name": key, **value} if isinstance(value, Mapping) else value
                    for key, value in entries.items()
                }
        return named

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        if self.default_class not in self.task_classes:
            known = ", ".join(sorted(self.task_classes))
            mistake = f"no task class is called {self.default_class!r} (there are: {known})"
            raise misplaced(("default_class",), mistake)
        for name, task_class in self.task_classes.items():
            for index, model in enumerate(task_class.models):
                if model not in self.models:
                    known = ", ".join(sorted(self.models))
                    mistake = f"no model is called {model!r} (there are: {known})"
                    raise misplaced(("task_classes", name, "models", index), mistake)
        return self

    @model_validator(mode="after")
    def _names_are_the_keys(self) -> Self:
        for group, entries in (("models", self.models), ("task_classes", self.task_classes)):
            for key, entry in entries.items():
                if entry.name != key:
                    raise misplaced((group, key, "name"), f"the name is the key, {key!r}; leave this field out")
        return self

    @property
    def version(self) -> str:
        """A short hash of the whole configuration: the same file gives the same version on every host."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]

    def candidates(self, *, task_class: str | None, pinned: str | None) -> tuple[str, ...]:
        """Return the models that may take a job: the pinned one alone, else those of its class, in order."""
        if pinned is not None:
            return (pinned,)
        return self.task_classes[task_class].models if task_class in self.task_classes else ()


def load_catalog(path: Path) -> Catalog:
    """Read models.yaml.

    Raises ConfigError with file, line and field when the file is missing, is not YAML, or says something wrong.
    """
    return load_yaml(path, Catalog, missing=NO_FILE, unknown=MEANT)
