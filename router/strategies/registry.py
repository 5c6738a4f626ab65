"""Finds a strategy by its name: a built-in one, one that a package brings, or a dotted path."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

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
from .strategy import Strategy

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
    except Exception as error:  # whatever a foreign module raises at import is told as a configuration mistake
        raise ValueError(f"{name!r} can not be imported: {type(error).__name__}: {error}") from error


def _checked(name: str, found: Any) -> Strategy:
    if not isinstance(found, Strategy):
        raise ValueError(f"{name!r} is no router.strategies.Strategy but a {type(found).__name__}")
    return found
