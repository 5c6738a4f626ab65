"""The calls of the scripts that bring webhooks on their way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...vocabulary.delivery import DeliveryState
from .contract import Call
from .jobs import Change


@dataclass(frozen=True, kw_only=True)
class Queued:
    """How many deliveries were looked at, and in how many milliseconds the next is due."""

    looked_at: int
    next_due_ms: int | None = None


@dataclass(frozen=True, kw_only=True)
class QueueDeliveries(Call[Queued]):
    """Moves deliveries that are due into the queue of the senders."""

    now: int | None = None
    template: str
    lost_ms: int
    per_receiver: int
    queue_at_most: int
    most: int
    tries: int
    dead_ms: int


@dataclass(frozen=True, kw_only=True)
class DeliveryClaim:
    """What a sender has to know; without `claimed` there is nothing but the status."""

    status: Literal["claimed", "stale"]
    event: str = ""
    about: str = ""
    tenant: str = ""
    target: str = ""
    created: int = 0
    tries: int = 0


@dataclass(frozen=True, kw_only=True)
class ClaimDelivery(Call[DeliveryClaim]):
    """Gives a delivery to a sender."""

    now: int | None = None
    id: str
    number: int
    token: str
    lease_ms: int


@dataclass(frozen=True, kw_only=True)
class SettleDelivery(Call[DeliveryState | Literal["stale"]]):
    """Notes what came of a try; without a `record` nothing was sent."""

    now: int | None = None
    id: str
    number: int
    token: str
    state: DeliveryState
    wait_ms: int
    record: str | None = None
    kept_ms: int


@dataclass(frozen=True, kw_only=True)
class Redeliver(Call[Change]):
    """Lets a delivery begin anew."""

    now: int | None = None
    id: str


@dataclass(frozen=True, kw_only=True)
class AnnounceSender(Call[int]):
    """Says that a sender lives."""

    now: int | None = None
    sender: str
    presence_ms: int
