"""Notices when a model opens or closes, so that a dispatcher can say so. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from .model_state import ModelState


class Changes:
    """Remembers what kept each model away at the last look."""

    def __init__(self) -> None:
        self._before: dict[str, str] = {}

    def since_last_look(self, states: Mapping[str, ModelState]) -> list[str]:
        """Return one line for each model whose health has changed; at the first look, for each that is not open."""
        lines = []
        for name, state in states.items():
            health = _health(state)
            if health != self._before.get(name, "open"):
                lines.append(f"{name}: {state.away_because or health}")
            self._before[name] = health
        return lines


def _health(state: ModelState) -> str:
    """Return what is told of a model's health; workers come and go, and say so themselves."""
    if state.down or state.paused:
        return "down" if state.down else "paused"
    return {"open": "breaker open", "half_open": "breaker half-open", "closed": "open"}[state.breaker]
