"""Settings of the simulated models: pace, changes, and mistakes in their file."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from pydantic import ValidationError

from pointsman.router.config.yaml_file import load_yaml
from pointsman.router.vocabulary.errors import ConfigError
from pointsman.simulated import SimulatedModel, Simulation
from pointsman.simulated.settings import SimulationChanges, pace_of


def test_latency_is_base_time_plus_tokens_by_speed() -> None:
    model = SimulatedModel(base_seconds=0.5, tokens_per_second=50, jitter=0)
    assert pace_of(model, 100, Random(1)) == (0.5, 2.5)


def test_jitter_spreads_latency_within_its_bounds() -> None:
    model = SimulatedModel(base_seconds=1, tokens_per_second=1e9, jitter=0.2)
    times = [pace_of(model, 1, Random(seed)).whole_seconds for seed in range(300)]
    assert 0.79 < min(times) < 0.85
    assert 1.15 < max(times) < 1.21


def test_the_same_call_draws_the_same_and_another_differs() -> None:
    def first(seed: int, prompt: str, nth: int) -> float:
        return Simulation(seed=seed).draw("gpt", prompt, nth).random()

    assert first(1, "a", 1) == first(1, "a", 1)
    assert len({first(1, "a", 1), first(2, "a", 1), first(1, "b", 1), first(1, "a", 2)}) == 4


def test_draws_are_the_same_in_every_process() -> None:
    assert Simulation(seed=7).draw("gpt", "hello", 1).randrange(10**6) == 68264


def test_rates_that_sum_above_one_are_refused() -> None:
    with pytest.raises(ValidationError, match="must be 1 at most"):
        SimulatedModel(server_error_rate=0.6, disconnect_rate=0.5)
    assert SimulatedModel(server_error_rate=0.7, disconnect_rate=0.2, overloaded_rate=0.1)


def test_changes_keep_what_they_do_not_name() -> None:
    simulation = Simulation(required_key="k", models={"gpt": SimulatedModel(base_seconds=9)})
    changed = simulation.changed(
        SimulationChanges(models={"gpt": {"server_error_rate": 1.0}, "new": {"jitter": 0}})
    )
    assert changed.model("gpt") == SimulatedModel(base_seconds=9, server_error_rate=1.0)
    assert changed.model("new") == SimulatedModel(jitter=0)
    assert changed.required_key == "k"


def test_a_model_changed_to_null_follows_the_default() -> None:
    simulation = Simulation(models={"gpt": SimulatedModel(base_seconds=9)})
    changed = simulation.changed(SimulationChanges(default={"base_seconds": 2}, models={"gpt": None}))
    assert changed.model("gpt").base_seconds == 2


def test_a_mistake_in_the_settings_file_has_a_line(tmp_path: Path) -> None:
    path = tmp_path / "simulation.yaml"
    path.write_text("seed: 1\nmodels:\n  gpt: {jitter: 2}\n")
    with pytest.raises(ConfigError, match=r"simulation\.yaml, line 3: models\.gpt\.jitter: "):
        load_yaml(path, Simulation)
