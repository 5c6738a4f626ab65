"""Carries out one try of a delivery in five steps: claim, address, post, judge, settle."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from random import Random
from typing import assert_never

from pointsman.router.config.settings import Settings
from pointsman.router.runtime.http import AsyncClient
from pointsman.router.store import BatchStore, ClaimedDelivery, DeliveryQueue, DeliverySettlement, JobStore
from pointsman.router.vocabulary.delivery import DeliveryState
from pointsman.router.vocabulary.errors import StoreUnavailable
from pointsman.router.vocabulary.webhook import OWN

from ..errors import TIME_LIMIT
from ..executor import TaskReport
from .body import batch_data, body_of, job_data
from .outcome import Delivered, DeliveryGivenUp, DeliveryOutcome, Impossible, ReceiverReply, Silent, TryAgain, judge
from .post import post
from .signature import signed_headers

log = logging.getLogger("pointsman.webhooks")

CLAIM_TRIES = 5
SETTLE_WAIT_MOST_SECONDS = 2.0
LAST_SETTLE_SECONDS = 5.0

NO_URL = Impossible("the tenant has no webhook of its own any more")
NO_SECRET = Silent("this sender has no secret to sign with: set POINTSMAN_WEBHOOK_SECRETS")
NOT_SENT = DeliverySettlement(DeliveryState.WAITING)
STALE = TaskReport("dropped: the message is stale")


class Sender:
    """Sends deliveries for one worker process."""

    def __init__(self, store: DeliveryQueue, jobs: JobStore, client: AsyncClient, *, random: Random) -> None:
        self._store, self._jobs, self._batches = store, jobs, BatchStore(jobs)
        self._client, self._random = client, random
        self._settings: Settings = store.settings
        self.closing = False

    async def send(self, delivery_id: str, number: int) -> TaskReport:
        """Carry out one try; what the receiver or Redis does wrong ends in the report, not in an error."""
        token = secrets.token_hex(8)
        if self.closing:
            await self._give_back(delivery_id, number, token)
            return TaskReport("released: the worker is stopping")
        delivery = await self._claim(delivery_id, number, token)
        if delivery is None:
            return STALE
        began = time.monotonic()
        try:
            answer = await self._try(delivery)
        except asyncio.CancelledError as stopped:
            if TIME_LIMIT in stopped.args:
                return await self._judge(delivery, token, Silent(f"{TIME_LIMIT} ended the request"), began)
            giving = asyncio.create_task(self._give_back(delivery_id, number, token))
            await asyncio.wait([giving], timeout=LAST_SETTLE_SECONDS)  # else its lease brings it back
            raise
        return await self._judge(delivery, token, answer, began)

    async def _judge(
        self, delivery: ClaimedDelivery, token: str, answer: ReceiverReply, began: float
    ) -> TaskReport:
        waits = self._settings.webhook_waits_seconds
        outcome = judge(answer, tries=delivery.tries, waits_seconds=waits, random=self._random)
        settlement = _settlement(outcome, answer, time.monotonic() - began)
        return await self._settle_shielded(delivery, token, settlement, outcome)

    async def _claim(self, delivery_id: str, number: int, token: str) -> ClaimedDelivery | None:
        """Claim with one token, so that a lost reply can be asked for again; in the end the lease runs out."""
        for tries in range(1, CLAIM_TRIES + 1):
            try:
                return await self._store.claim(delivery_id, number, token=token)
            except StoreUnavailable as error:
                log.warning("webhook %s cannot be claimed: %s", delivery_id, error)
                await asyncio.sleep(0.2 * tries)
        return None

    async def _try(self, delivery: ClaimedDelivery) -> ReceiverReply:
        """Post what is owed to where it goes, signed."""
        own = self._settings.webhooks.get(delivery.tenant)
        url = delivery.target if delivery.target != OWN else own.url if own is not None else ""
        signing = self._settings.signing_secrets(delivery.tenant)
        if not url:
            return NO_URL
        if not signing:
            return NO_SECRET
        try:
            body = await self._body(delivery)
        except StoreUnavailable as error:
            return Silent(str(error))
        headers = signed_headers(delivery.id, body, signing, now=int(time.time()))
        return await post(self._client, url, body, headers, timeout_seconds=self._settings.webhook_timeout_seconds)

    async def _body(self, delivery: ClaimedDelivery) -> bytes:
        if delivery.event.startswith("batch."):
            data = batch_data(delivery, (await self._batches.get_many([delivery.about]))[0])
        else:
            data = job_data(delivery, (await self._jobs.get_many([delivery.about]))[0])
        return body_of(delivery, data)

    async def _settle_shielded(
        self, delivery: ClaimedDelivery, token: str, settlement: DeliverySettlement, outcome: DeliveryOutcome
    ) -> TaskReport:
        """Settle as a task of its own: a stop of the worker now must not send to the receiver twice."""
        settling = asyncio.create_task(self._settle_for_certain(delivery, token, settlement))
        try:
            state = await asyncio.shield(settling)
        except asyncio.CancelledError:
            await asyncio.wait([settling], timeout=LAST_SETTLE_SECONDS)
            raise
        return _report(outcome) if state is not None else TaskReport("dropped: its lease was lost", failed=True)

    async def _settle_for_certain(
        self, delivery: ClaimedDelivery, token: str, settlement: DeliverySettlement
    ) -> DeliveryState | None:
        """Settle, however long Redis is away; after its lease another sender tells the receiver once more."""
        wait_seconds = 0.1
        while True:
            try:
                return await self._store.settle(delivery.id, delivery.number, token=token, settlement=settlement)
            except StoreUnavailable as error:
                log.warning("webhook %s cannot be settled, trying again: %s", delivery.id, error)
                await asyncio.sleep(wait_seconds)
                wait_seconds = min(wait_seconds * 2, SETTLE_WAIT_MOST_SECONDS)

    async def _give_back(self, delivery_id: str, number: int, token: str) -> None:
        try:
            await self._store.settle(delivery_id, number, token=token, settlement=NOT_SENT)
        except StoreUnavailable as error:
            log.warning("webhook %s cannot be given back, its lease will do it: %s", delivery_id, error)


def _settlement(outcome: DeliveryOutcome, answer: ReceiverReply, seconds: float) -> DeliverySettlement:
    """Return what is noted of a try, beside the time at which Redis notes it."""
    record = {"seconds": round(seconds, 3), "status": getattr(answer, "status", None)}
    match outcome:
        case Delivered():
            return DeliverySettlement(DeliveryState.DELIVERED, record)
        case TryAgain(wait_seconds, why):
            return DeliverySettlement(DeliveryState.WAITING, {**record, "error": why}, wait_seconds)
        case DeliveryGivenUp(why):
            return DeliverySettlement(DeliveryState.DEAD, {**record, "error": why})
        case _:
            assert_never(outcome)


def _report(outcome: DeliveryOutcome) -> TaskReport:
    match outcome:
        case Delivered():
            return TaskReport("delivered")
        case TryAgain(wait_seconds, why):
            return TaskReport(f"{why}; tried again in {wait_seconds:.0f} s", failed=True)
        case DeliveryGivenUp(why):
            return TaskReport(f"{why}; given up", failed=True)
        case _:
            assert_never(outcome)
