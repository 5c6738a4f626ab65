"""A delivery: one end that one webhook is notified of, and its tries so far."""

from __future__ import annotations

from enum import StrEnum

from .frozen import Frozen
from .webhook import WebhookEvent


class DeliveryState(StrEnum):
    """Where a delivery is: waiting for its next try; delivered; or given up, until somebody redelivers it."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"


class Try(Frozen):
    """One request that was sent, or could not be; `status` is None where no reply came."""

    at: float
    seconds: float = 0.0
    status: int | None = None
    error: str = ""


class Delivery(Frozen):
    """All that is known of one delivery; times are Unix seconds by Redis's clock.

    `about` is the id of the job or batch. `url` is None for the tenant's own webhook of the settings. `due` is when
    it is tried next, or, while it is under way, when its sender is taken for lost.
    """

    id: str
    event: WebhookEvent
    about: str
    tenant: str
    url: str | None = None
    state: DeliveryState
    created: float
    due: float | None = None
    ended: float | None = None
    tries: tuple[Try, ...] = ()
