"""How the simulated server and each of its models behave; frozen, read from YAML or made in code."""

from __future__ import annotations

from random import Random
from typing import Annotated, Any, NamedTuple, Self

from pydantic import Field, model_validator

from pointsman.router.vocabulary.frozen import Frozen

Rate = Annotated[float, Field(ge=0, le=1)]


class SimulatedModel(Frozen):
    """One upstream model: its speed, its room and its faults.

    An answer takes `base_seconds + output tokens / tokens_per_second`, times a factor drawn evenly from
    1 - `jitter` to 1 + `jitter`. `answer_tokens` is the usual length, which the request's own maximum cuts.

    Requests above `concurrency` wait in line, first come first served; while `queue_limit` of them wait, the next
    one gets 429. Absent means no limit. `requests_per_minute` is a sliding window of `minute_seconds`; a model that
    `sends_limits` tells in the vendor's headers what is left of it.

    The rates are parts of 1 of all requests and exclude each other, so their sum is 1 at most. Rate limits, server
    errors and overload answer at once; bad responses and disconnects come after the full latency.

    A streamed answer takes as long, with its first words after `base_seconds`. It goes wrong where a part of its
    words is sent, `stream_breaks_at`: 0 is before the first. With `stream_errors` the errors that would answer at
    once come there too, as an event.
    """

    base_seconds: float = Field(default=0.2, ge=0)
    tokens_per_second: float = Field(default=100.0, gt=0)
    jitter: float = Field(default=0.1, ge=0, le=1)
    answer_tokens: int = Field(default=60, ge=1)
    concurrency: int | None = Field(default=None, ge=1)
    queue_limit: int | None = Field(default=None, ge=0)
    requests_per_minute: int | None = Field(default=None, ge=1)
    minute_seconds: float = Field(default=60.0, gt=0)
    sends_limits: bool = False
    retry_after_seconds: float = Field(default=1.0, ge=0)
    server_error_rate: Rate = 0.0
    overloaded_rate: Rate = 0.0
    rate_limit_rate: Rate = 0.0
    bad_response_rate: Rate = 0.0
    disconnect_rate: Rate = 0.0
    stream_breaks_at: Rate = 0.5
    stream_errors: bool = False

    @model_validator(mode="after")
    def _rates_fit_together(self) -> Self:
        refused = self.server_error_rate + self.overloaded_rate + self.rate_limit_rate
        # Ten times 0.1 is not exactly 1 in binary.
        if refused + self.bad_response_rate + self.disconnect_rate > 1 + 1e-9:
            raise ValueError("the sum of the five rates must be 1 at most")
        return self


class SimulationChanges(Frozen):
    """What to change at run time: what is absent stays; a model given as null follows the default again."""

    seed: int | None = None
    required_key: str | None = None
    models: dict[str, dict[str, Any] | None] = Field(default_factory=dict)
    default: dict[str, Any] = Field(default_factory=dict)


class Simulation(Frozen):
    """The whole server: models by upstream name, `default` for all others, and the seed of every draw.

    With `required_key` set, a request with another API key or none gets 401.
    """

    seed: int = 0
    required_key: str | None = Field(default=None, min_length=1, repr=False)
    models: dict[str, SimulatedModel] = Field(default_factory=dict)
    default: SimulatedModel = SimulatedModel()

    def model(self, upstream: str) -> SimulatedModel:
        """Return the settings of an upstream model."""
        return self.models.get(upstream, self.default)

    def draw(self, upstream: str, prompt: str, nth: int) -> Random:
        """Return the draws of the nth call of a prompt: the same in every run and process; 0 is for its answer."""
        return Random(f"{self.seed}\x1f{upstream}\x1f{nth}\x1f{prompt}")

    def changed(self, changes: SimulationChanges) -> Simulation:
        """Return the simulation with `changes` laid over it; raises ValidationError when they do not fit."""
        default = _laid_over(self.default, changes.default)
        models = dict(self.models)
        for upstream, fields in changes.models.items():
            if fields is None:
                models.pop(upstream, None)
            else:
                models[upstream] = _laid_over(models.get(upstream, default), fields)
        seed = self.seed if changes.seed is None else changes.seed
        key = changes.required_key or self.required_key
        return Simulation(seed=seed, required_key=key, models=models, default=default)


def _laid_over(model: SimulatedModel, fields: dict[str, Any]) -> SimulatedModel:
    return SimulatedModel.model_validate({**model.model_dump(), **fields})


class AnswerPace(NamedTuple):
    """When an answer begins and when it is whole, in seconds from its start."""

    first_seconds: float
    whole_seconds: float


AT_ONCE = AnswerPace(0.0, 0.0)


def pace_of(model: SimulatedModel, output_tokens: int, draw: Random) -> AnswerPace:
    """Return base time, and base time plus generation time, both spread by the model's jitter."""
    factor = 1 + model.jitter * draw.uniform(-1, 1)
    whole = model.base_seconds + output_tokens / model.tokens_per_second
    return AnswerPace(model.base_seconds * factor, whole * factor)
