"""Prefers, among healthy candidates, those that have not failed the job and that nobody suspects. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .model_state import ModelState

FAILED = "failed this job already; it comes again when no other is left"


def not_failed(failed_by: Sequence[str], healthy: Sequence[ModelState]) -> Sequence[ModelState]:
    """Return the candidates that have not failed a job; where none of these opens soon, the others but the last.

    Where the last to fail it is the only one that does, it is that one.
    """
    if not failed_by:
        return healthy
    usable = [state for state in healthy if state.usable_soon]
    fresh = [state for state in usable if state.model.name not in failed_by]
    return fresh or [state for state in usable if state.model.name != failed_by[-1]] or usable or healthy


def trusted(candidates: Sequence[ModelState]) -> Sequence[ModelState]:
    """Return the candidates that are not suspect, or all where every one is."""
    if not any(state.suspect or state.down for state in candidates):  # nearly always, for each job
        return candidates
    return [state for state in candidates if not state.suspected] or candidates


def due_probe(
    failed_by: Sequence[str], candidates: Sequence[ModelState], full: Mapping[str, str]
) -> ModelState | None:
    """Return the suspect model that may be probed with a job now; a job that failed before is no probe."""
    if failed_by:
        return None
    return next((state for state in candidates if state.suspected and state.model.name not in full), None)


def passed_over(
    healthy: Sequence[ModelState], preferred: Sequence[ModelState], asked: Sequence[ModelState]
) -> dict[str, str]:
    """Say why healthy candidates are not asked."""
    if len(asked) == len(healthy):
        return {}
    names = {state.model.name for state in preferred}
    why = {state.model.name: FAILED for state in healthy if state.model.name not in names}
    for state in preferred:
        if state not in asked:
            why[state.model.name] = suspicion_words(state)
    return why


def suspicion_words(state: ModelState) -> str:
    """Say why a model gets no more than probes."""
    return f"down: {state.down}" if state.down else f"suspect: {state.suspect}"
