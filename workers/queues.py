"""Which models a worker serves, from the queues it consumes."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from pointsman.router.broker.message import WEBHOOK_QUEUE
from pointsman.router.routing.catalog import Catalog
from pointsman.router.vocabulary.errors import ConfigError
from pointsman.router.vocabulary.model import Model

PREFIX = "llm."


def models_of(queues: Iterable[str], catalog: Catalog) -> list[Model]:
    """Return the configured models behind Celery queue names; other queues are passed over."""
    names = (queue.removeprefix(PREFIX) for queue in queues if queue.startswith(PREFIX))
    return [catalog.models[name] for name in names if name in catalog.models]


def check_alone(queues: Collection[str]) -> None:
    """Raise ConfigError where a worker would send webhooks beside calling models: they would share its slots."""
    if WEBHOOK_QUEUE in queues and len(queues) > 1:
        raise ConfigError(f"{WEBHOOK_QUEUE} wants a worker of its own: a slow receiver must hold no model's slot")


def share_slots(slots: int, models: list[Model]) -> dict[str, int]:
    """Share a worker's slots evenly among its models, at least one each; the first get what does not divide."""
    each, rest = divmod(slots, len(models)) if models else (0, 0)
    return {model.name: max(1, each + (1 if at < rest else 0)) for at, model in enumerate(models)}
