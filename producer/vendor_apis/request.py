"""Turns a request for an answer into a job: which models may do it, and how it is to be treated."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from pointsman.router.vocabulary.chat import ChatRequest
from pointsman.router.vocabulary.job import JobSpec

from .faults import Refused

AUTO = "auto"
"""The model of a request that leaves even its class to be found."""

OURS = frozenset(
    {
        "task_class",
        "priority",
        "strategy",
        "metric",
        "affinity_key",
        "context",
        "max_attempts",
        "max_cost_usd",
        "webhook",
    }
)
"""Fields of a job that a request may give in its `pointsman` object, beside OpenAI's own parameters."""

CODES: Mapping[str, str] = {"extra_forbidden": "unsupported_parameter", "missing": "missing_required_parameter"}

Value = TypeVar("Value", bound=BaseModel)


class Names(Protocol):
    """What a request may name: a catalog is one, and so is what the API tells of its own."""

    @property
    def models(self) -> Collection[str]:
        """The models."""

    @property
    def aliases(self) -> Collection[str]:
        """The aliases, each of which stands for several models."""

    @property
    def task_classes(self) -> Collection[str]:
        """The task classes."""


@dataclass(frozen=True)
class JobRequest:
    """A request as a job, and the names of the parameters that were ignored.

    `include_usage` asks for the usage at the end of a stream.
    """

    spec: JobSpec
    ignored: tuple[str, ...] = ()
    include_usage: bool = False


def job_of(kept: Mapping[str, Any], request: ChatRequest, names: Names) -> JobSpec:
    """Return the job that does a chat request; raises Refused naming the parameter that is wrong."""
    named = _named(kept.get("model"), names)
    ours = kept.get("pointsman", {})
    if not isinstance(ours, Mapping):
        raise Refused("'pointsman' must be an object.", param="pointsman", code="invalid_type")
    for name in ours:
        if name not in OURS:
            raise Refused(
                f"Unknown parameter: 'pointsman.{name}'.", param=f"pointsman.{name}", code=CODES["extra_forbidden"]
            )
    stream = kept.get("stream", False)
    if not isinstance(stream, bool):
        raise Refused("'stream' must be true or false.", param="stream", code="invalid_type")
    fields = {**named, **ours, "metadata": kept.get("metadata", {}), "stream": stream}
    # `request` is a value already: validating it again would only take time
    return checked(JobSpec, {**fields, "request": request}, inside=tuple(ours))


def _named(model: Any, names: Names) -> dict[str, str]:
    if not isinstance(model, str):
        raise Refused("you must provide a model parameter", param="model", code="missing_required_parameter")
    if model == AUTO:
        return {}
    if model in names.models or model in names.aliases:
        return {"model": model}
    if model in names.task_classes:
        return {"task_class": model}
    known = ", ".join(sorted({*names.models, *names.aliases, *names.task_classes, AUTO}))
    raise Refused(
        f"The model '{model[:100]}' does not exist (there are: {known}).",
        status=404, param="model", code="model_not_found",
    )  # fmt: skip


def checked(
    model: type[Value],
    data: Mapping[str, Any],
    *,
    inside: tuple[str, ...] = (),
    param_names: Sequence[tuple[str, str]] = (),
) -> Value:
    """Return the data as a value of the model; raises Refused.

    Fields `inside` stood in the `pointsman` object. `param_names` are patterns of our names for a field and what is
    to be named in their place, so that an error names what was sent.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = [str(part) for part in first["loc"]]
        if path and path[0] in inside:
            path.insert(0, "pointsman")
        param = _sent_name(".".join(path), param_names) or None
        message = str(first["msg"]).removeprefix("Value error, ")
        code = CODES.get(first["type"], "invalid_value")
        raise Refused(f"{param}: {message}" if param else message, param=param, code=code) from error


def _sent_name(path: str, param_names: Sequence[tuple[str, str]]) -> str:
    for ours, theirs in param_names:
        path = re.sub(f"^{ours}", theirs, path)
    return path
