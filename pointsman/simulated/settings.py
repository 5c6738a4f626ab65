"""How the simulated server and each of its models behave; frozen, read from YAML or made in code."""

from __future__ import annotations

from random import Random
from typing import Annotated

from pydantic import Field

from router.chat import Frozen

Rate = Annotated[float, Field(ge=0, le=1)]


class SimulatedModel(Frozen):
    """One upstream model: its speed, its room and its faults.

    `answer_tokens` is the usual length of an answer; `jitter` spreads the latency evenly by that part of it.
    Requests above `concurrency` wait in line. The rates are parts of 1 of all requests.
    """

    base_seconds: float = Field(default=0.2, ge=0)
    tokens_per_second: float = Field(default=100.0, gt=0)
    jitter: float = Field(default=0.1, ge=0, le=1)
    answer_tokens: int = Field(default=60, ge=1)
    concurrency: int | None = Field(default=None, ge=1)
    requests_per_minute: int | None = Field(default=None, ge=1)
    retry_after_seconds: float = Field(default=1.0, ge=0)
    server_error_rate: Rate = 0.0
    overloaded_rate: Rate = 0.0
    rate_limit_rate: Rate = 0.0
    bad_response_rate: Rate = 0.0
    disconnect_rate: Rate = 0.0


class Simulation(Frozen):
    """The whole server: models by upstream name, `default` for all others, and the seed of every draw."""

    seed: int = 0
    required_key: str | None = None
    models: dict[str, SimulatedModel] = Field(default_factory=dict)
    default: SimulatedModel = SimulatedModel()

    def model(self, upstream: str) -> SimulatedModel:
        """Return the settings of an upstream model."""
        return self.models.get(upstream, self.default)

    def draw(self, upstream: str, prompt: str, nth: int) -> Random:
        """Return the draws of the nth call of a prompt: the same in every run and process."""
        return Random(f"{self.seed}\x1f{upstream}\x1f{nth}\x1f{prompt}")


def latency_seconds(model: SimulatedModel, output_tokens: int, draw: Random) -> float:
    """Return base time plus generation time, spread by the model's jitter."""
    exact = model.base_seconds + output_tokens / model.tokens_per_second
    return exact * (1 + model.jitter * draw.uniform(-1, 1))
