"""Finds a strategy by its name: a built-in one, one that a package brings, or a dotted path."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from . import (
    adaptive,
    consistent_hash,
    contextual,
    least_connections,
    model_aware,
    performance,
    random,
    round_robin,
    weighted_round_robin,
)
from .contract import Step, Strategy

GROUP = "pointsman.strategies"
"""The entry point group in which a package names its strategies."""

FILES = (
    round_robin,
    weighted_round_robin,
    random,
    least_connections,
    adaptive,
    model_aware,
    consistent_hash,
    contextual,
    performance,
)

BUILT_IN: Mapping[str, Strategy] = {file.STRATEGY.name: file.STRATEGY for file in FILES}


@cache
def find_strategy(name: str) -> Strategy:
    """Return the strategy; raises ValueError, in words for who wrote the name, when there is none."""
    if name in BUILT_IN:
        return BUILT_IN[name]
    for entry in entry_points(group=GROUP, name=name):
        return _checked(name, _loaded(name, entry.load))
    if ":" in name:
        module, _, attribute = name.partition(":")
        return _checked(name, _loaded(name, lambda: getattr(import_module(module), attribute)))
    known = ", ".join(strategy_names())
    raise ValueError(f"no strategy is called {name!r} (there are: {known}; or give your own as module:NAME)")


@cache
def strategy_names() -> tuple[str, ...]:
    """Return the names that need no dotted path."""
    return (*BUILT_IN, *sorted({entry.name for entry in entry_points(group=GROUP)} - BUILT_IN.keys()))


def _loaded(name: str, load: Any) -> Any:
    try:
        return load()
    except Exception as error:  # whatever a foreign module raises at import is reported as a configuration mistake
        raise ValueError(f"{name!r} cannot be imported: {type(error).__name__}: {error}") from error


def _checked(name: str, found: Any) -> Strategy:
    if not isinstance(found, Strategy):
        raise ValueError(
            f"{name!r} is no pointsman.router.routing.strategies.Strategy but a {type(found).__name__}"
        )
    return found


Location = tuple[int | str, ...]


class StrategySpec(BaseModel):
    """One strategy and its options, which its own file checks."""

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str = Field(min_length=1)

    @property
    def options(self) -> dict[str, Any]:
        """What was written beside the name."""
        return dict(self.model_extra or {})


def _as_list(given: Any) -> Any:
    entries = given if isinstance(given, list | tuple) else [given]
    return [{"name": one} if isinstance(one, str) else one for one in entries]


StrategySpecs = Annotated[tuple[StrategySpec, ...], BeforeValidator(_as_list), Field(min_length=1)]

DEFAULT: tuple[StrategySpec, ...] = (StrategySpec(name="least_connections"),)


class StrategyMistake(Exception):
    """Raised when a strategy or one of its options is wrong; `location` is where, below the list of strategies."""

    def __init__(self, location: Location, mistake: str) -> None:
        self.location, self.mistake = location, mistake
        super().__init__(mistake)


def build_steps(specs: Sequence[StrategySpec]) -> tuple[Step, ...]:
    """Return the strategies with their options; one that only narrows is followed by the default.

    Raises StrategyMistake.
    """
    steps = []
    for at, spec in enumerate(specs):
        location: Location = (at,) if len(specs) > 1 else ()
        step = _build(spec, location)
        if at < len(specs) - 1 and not step.strategy.narrows:
            raise StrategyMistake(location, f"{spec.name} leaves one model only, so nothing can come after it")
        steps.append(step)
    if steps[-1].strategy.narrows and steps[-1].strategy.static:
        steps.append(_build(DEFAULT[0], ()))
    return tuple(steps)


def _build(spec: StrategySpec, location: Location) -> Step:
    try:
        strategy = find_strategy(spec.name)
    except ValueError as error:
        raise StrategyMistake(location, str(error)) from error
    try:
        return Step(strategy, strategy.options.model_validate(spec.options))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        inside = tuple(part for part in first["loc"] if not str(part).startswith("["))
        words = "no such option" if first["type"] == "extra_forbidden" else first["msg"]
        raise StrategyMistake((*location, *inside), f"{spec.name}: {words.removeprefix('Value error, ')}") from None


def check_models(specs: Sequence[StrategySpec], candidates: Collection[str]) -> None:
    """Raise StrategyMistake where the options of a built-in strategy name a model that is not a candidate."""
    for at, spec in enumerate(specs):
        location: Location = (at,) if len(specs) > 1 else ()
        for inside, model in _named(spec):
            if model not in candidates:
                known = ", ".join(candidates)
                raise StrategyMistake(
                    (*location, *inside), f"{model!r} is none of the class's models (these are: {known})"
                )


def _named(spec: StrategySpec) -> list[tuple[Location, str]]:
    if spec.name not in BUILT_IN:
        return []
    weights = spec.options.get("weights", {}) if spec.name == "weighted_round_robin" else {}
    rules = spec.options.get("rules", ())
    in_rules = [
        (("rules", number, "use", position), model)
        for number, rule in enumerate(rules)
        for position, model in enumerate(rule["use"])
    ]
    return [*((("weights", model), model) for model in weights), *in_rules]
