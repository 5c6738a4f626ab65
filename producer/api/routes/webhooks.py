"""/v1/webhooks/deliveries: look at the deliveries of webhooks, and send them again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from pointsman.router.vocabulary.delivery import Delivery, DeliveryState
from pointsman.router.vocabulary.errors import UnknownDelivery
from pointsman.router.vocabulary.frozen import Frozen

from ..backend import CurrentRequester, Requester

routes = APIRouter(prefix="/v1/webhooks/deliveries", tags=["webhooks"])


class DeliveriesQuery(Frozen):
    """Which deliveries, and how many at a time; `cursor` of the answer is that of the next page."""

    state: DeliveryState
    limit: int = Field(default=50, ge=1, le=500)
    cursor: int | None = Field(default=None, ge=0)


class Deliveries(Frozen):
    """One page of deliveries, the last to end, or to be due, first; without a `cursor` it is the last page."""

    deliveries: list[Delivery]
    cursor: int | None = None


class Redelivered(Frozen):
    """The state a delivery is in now: waiting."""

    id: str
    state: DeliveryState


@routes.get("", response_model=Deliveries)
async def list_deliveries(query: Annotated[DeliveriesQuery, Query()], requester: CurrentRequester) -> Response:
    """List the deliveries in one state, with all their tries.

    A key that is bound to a tenant sees its own: a page may hold fewer than `limit`, even none, while there is a
    cursor to go on with.
    """
    page = await requester.backend.deliveries.page(query.state, limit=query.limit, cursor=query.cursor)
    own = [delivery for delivery in page.deliveries if requester.tenant in (None, delivery.tenant)]
    return _json(Deliveries(deliveries=own, cursor=page.cursor))


@routes.get("/{delivery_id}", response_model=Delivery)
async def get_delivery(delivery_id: str, requester: CurrentRequester) -> Response:
    """Return all that is known of a delivery."""
    return _json(await _find(delivery_id, requester))


@routes.post("/{delivery_id}/redeliver")
async def redeliver(delivery_id: str, requester: CurrentRequester) -> Redelivered:
    """Let a delivery begin anew, with all its tries before it; one that is under way stays as it is."""
    await _find(delivery_id, requester)
    return Redelivered(id=delivery_id, state=await requester.backend.deliveries.redeliver(delivery_id))


async def _find(delivery_id: str, requester: Requester) -> Delivery:
    """Return a delivery; raises UnknownDelivery also for one of another tenant."""
    found = await requester.backend.deliveries.get(delivery_id)
    if requester.tenant not in (None, found.tenant):
        raise UnknownDelivery(delivery_id)
    return found


def _json(value: Frozen) -> Response:
    return Response(value.model_dump_json(exclude_none=True), media_type="application/json")
