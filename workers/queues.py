"""Which models a worker serves, from the queues it consumes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

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


def share_slots(slots: int, wanted: Mapping[str, int]) -> dict[str, int]:
    """Share a worker's slots among its models in proportion to what each wants, at least one each.

    What does not divide goes to those that have none yet, then to those that miss most of a slot.
    """
    whole = sum(wanted.values())
    parts = {model: divmod(slots * want, whole) for model, want in wanted.items()}
    left = slots - sum(share for share, _ in parts.values())
    by_need = sorted(parts, key=lambda model: (parts[model][0] > 0, -parts[model][1]))
    return {model: max(1, parts[model][0] + (model in by_need[:left])) for model in parts}
