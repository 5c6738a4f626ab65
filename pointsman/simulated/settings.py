"""How the simulated server and each of its models behave; frozen, read from YAML or made in code."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from router.chat import Frozen

RATES = (
    "rate_limit_rate",
    "server_error_rate",
    "overloaded_rate",
    "bad_response_rate",
    "disconnect_rate",
)


class SimulatedModel(Frozen):
    """One upstream model: its speed, its room and its faults.

    An answer takes `base_seconds + output tokens / tokens_per_second`, times a factor drawn evenly from
    1 - `jitter` to 1 + `jitter`. Its length in tokens is drawn from `output_tokens` (least, most) and cut at
    the request's own maximum.

    Requests above `concurrency` wait in line, first come first served; with `queue_limit` waiting, the next
    one gets 429. Both are unlimited when absent. `requests_per_minute` is a sliding window of 60 s.

    The rates are parts of 1 of all requests and exclude each other, so their sum is 1 at most. Rate limits,
    server errors and overload answer at once; bad responses and disconnects come after the full latency.
    """

    base_seconds: float = Field(default=0.2, ge=0)
    tokens_per_second: float = Field(default=100.0, gt=0)
    jitter: float = Field(default=0.1, ge=0, le=1)
    output_tokens: tuple[int, int] = (20, 120)
    concurrency: int | None = Field(default=None, ge=1)
    queue_limit: int | None = Field(default=None, ge=0)
    requests_per_minute: int | None = Field(default=None, ge=1)
    retry_after_seconds: float = Field(default=1.0, ge=0)
    rate_limit_rate: float = Field(default=0.0, ge=0, le=1)
    server_error_rate: float = Field(default=0.0, ge=0, le=1)
    overloaded_rate: float = Field(default=0.0, ge=0, le=1)
    bad_response_rate: float = Field(default=0.0, ge=0, le=1)
    disconnect_rate: float = Field(default=0.0, ge=0, le=1)

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        least, most = self.output_tokens
        if not 1 <= least <= most:
            raise ValueError("output_tokens must be [least, most] with 1 <= least <= most")
        # A sum of decimal fractions such as 0.1 is not exact in binary.
        if sum(getattr(self, rate) for rate in RATES) > 1 + 1e-9:
            raise ValueError(f"the sum of {', '.join(RATES)} must be 1 at most")
        return self


class Changes(Frozen):
    """What to change at run time; a model given as null loses its own settings and follows the default."""

    default: dict[str, Any] = Field(default_factory=dict)
    models: dict[str, dict[str, Any] | None] = Field(default_factory=dict)


class Simulation(Frozen):
    """The whole server: models by upstream name, `default` for all others, and the seed of every draw.

    With `required_key` set, requests with another API key or none get 401.
    """

    seed: int = 0
    default: SimulatedModel = SimulatedModel()
    models: dict[str, SimulatedModel] = Field(default_factory=dict)
    required_key: str | None = Field(default=None, min_length=1, exclude=True, repr=False)

    def model_for(self, upstream: str) -> SimulatedModel:
        """Return the settings of an upstream model."""
        return self.models.get(upstream, self.default)

    def changed(self, changes: Changes) -> Simulation:
        """Return the simulation with `changes` laid over it; raises ValidationError when they do not fit."""
        default = _laid_over(self.default, changes.default)
        models = dict(self.models)
        for upstream, fields in changes.models.items():
            if fields is None:
                models.pop(upstream, None)
            else:
                models[upstream] = _laid_over(models.get(upstream, default), fields)
        return self.model_copy(update={"default": default, "models": models})


def _laid_over(model: SimulatedModel, fields: dict[str, Any]) -> SimulatedModel:
    return SimulatedModel.model_validate({**model.model_dump(), **fields})
