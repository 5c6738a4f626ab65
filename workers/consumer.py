"""Celery's consumer without mingle and gossip: workers here need nothing of each other, and start a second sooner."""

from __future__ import annotations

from celery.worker.consumer import Consumer as CelerysConsumer

LEFT_OUT = (":Mingle", ":Gossip")


class Consumer(CelerysConsumer):  # type: ignore[misc] # celery has no types
    """The consumer that `worker_consumer` names."""

    class Blueprint(CelerysConsumer.Blueprint):  # type: ignore[misc] # celery has no types
        """Celery's own steps, less the two."""

        default_steps = [step for step in CelerysConsumer.Blueprint.default_steps if not step.endswith(LEFT_OUT)]
