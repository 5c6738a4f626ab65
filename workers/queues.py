"""Which models a worker serves, from the queues it was told to consume."""

from __future__ import annotations

from collections.abc import Iterable

from router.catalog import Catalog, Model

PREFIX = "llm."


def models_of(queues: Iterable[str], catalog: Catalog) -> list[Model]:
    """Return the configured models behind Celery queue names; other queues are passed over."""
    names = (queue.removeprefix(PREFIX) for queue in queues if queue.startswith(PREFIX))
    return [catalog.models[name] for name in names if name in catalog.models]


def share_slots(slots: int, models: list[Model]) -> dict[str, int]:
    """Share a worker's slots evenly among its models, at least one each; the first get what does not divide."""
    each, rest = divmod(slots, len(models)) if models else (0, 0)
    return {model.name: max(1, each + (1 if at < rest else 0)) for at, model in enumerate(models)}
