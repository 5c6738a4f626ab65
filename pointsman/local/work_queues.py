"""Which queues a worker is to consume; what it cannot do is said before anything is started."""

from __future__ import annotations

from collections.abc import Sequence

from pointsman.router.broker.message import WEBHOOK_QUEUE
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import load_catalog
from pointsman.router.vocabulary.errors import ConfigError
from pointsman.workers.api_keys import environment, read_api_keys


def work_queues(settings: Settings, models: Sequence[str]) -> list[str]:
    """Return the queues of these models, or of the webhooks where there are none; raises ConfigError."""
    catalog = load_catalog(settings.models_file)
    for wanted in models:
        if wanted not in catalog.models:
            known = ", ".join(catalog.models)
            raise ConfigError(f"no model is called {wanted!r} (there are: {known})", field="--model")
    read_api_keys([catalog.models[wanted] for wanted in models], environment())
    return [catalog.models[wanted].queue for wanted in models] or [WEBHOOK_QUEUE]
