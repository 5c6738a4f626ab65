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
from pointsman.router.store import BatchStore, JobStore, Owed, SendingStore, Told
from pointsman.router.vocabulary.delivery import DeliveryState
from pointsman.router.vocabulary.errors import StoreUnavailable
from pointsman.router.vocabulary.webhook import OWN

from ..errors import TIME_LIMIT
from ..executor import Report
from .body import body_of, told_of_batch, told_of_job
from .outcome import Answer, Delivered, GaveUp, Impossible, Outcome, Silent, TryAgain, judge
from .post import post
from .signature import signed_headers

log = logging.getLogger("pointsman.webhooks")

CLAIM_TRIES = 5
SETTLE_WAIT_MOST_SECONDS = 2.0
LAST_SETTLE_SECONDS = 5.0

NO_URL = Impossible("the tenant has no webhook of its own any more")
NO_SECRET = Silent("this sender has no secret to sign with: set POINTSMAN_WEBHOOK_SECRETS")
NOT_SENT = Told(DeliveryState.WAITING)
STALE = Report("dropped: the message is stale")


class Sender:
    """Sends deliveries for one worker process."""

    def __init__(self, store: SendingStore, jobs: JobStore, client: AsyncClient, *, random: Random) -> None:
        self._store, self._jobs, self._batches = store, jobs, BatchStore(jobs)
        self._client, self._random = client, random
        self._settings: Settings = store.settings
        self.closing = False

    async def send(self, delivery_id: str, number: int) -> Report:
        """Carry out one try; what the receiver or Redis does wrong ends in the report, not in an error."""
        token = secrets.token_hex(8)
        if self.closing:
            await self._give_back(delivery_id, number, token)
            return Report("released: the worker is stopping")
        owed = await self._claim(delivery_id, number, token)
        if owed is None:
            return STALE
        began = time.monotonic()
        try:
            answer = await self._try(owed)
        except asyncio.CancelledError as stopped:
            if TIME_LIMIT in stopped.args:
                return await self._judge(owed, token, Silent(f"{TIME_LIMIT} ended the request"), began)
            giving = asyncio.create_task(self._give_back(delivery_id, number, token))
            await asyncio.wait([giving], timeout=LAST_SETTLE_SECONDS)  # else its lease brings it back
            raise
        return await self._judge(owed, token, answer, began)

    async def _judge(self, owed: Owed, token: str, answer: Answer, began: float) -> Report:
        waits = self._settings.webhook_waits_seconds
        outcome = judge(answer, tries=owed.tries, waits_seconds=waits, random=self._random)
        told = _told(outcome, answer, time.monotonic() - began)
        return await self._end(owed, token, told, outcome)

    async def _claim(self, delivery_id: str, number: int, token: str) -> Owed | None:
        """Claim with one token, so that a lost reply can be asked for again; in the end the lease runs out."""
        for tries in range(1, CLAIM_TRIES + 1):
            try:
                return await self._store.claim(delivery_id, number, token=token)
            except StoreUnavailable as error:
                log.warning("webhook %s can not be claimed: %s", delivery_id, error)
                await asyncio.sleep(0.2 * tries)
        return None

    async def _try(self, owed: Owed) -> Answer:
        """Post what is owed to where it goes, signed."""
        own = self._settings.webhooks.get(owed.tenant)
        url = owed.target if owed.target != OWN else own.url if own is not None else ""
        signing = self._settings.signing_secrets(owed.tenant)
        if not url:
            return NO_URL
        if not signing:
            return NO_SECRET
        try:
            body = await self._body(owed)
        except StoreUnavailable as error:
            return Silent(str(error))
        headers = signed_headers(owed.id, body, signing, now=int(time.time()))
        return await post(self._client, url, body, headers, timeout_seconds=self._settings.webhook_timeout_seconds)

    async def _body(self, owed: Owed) -> bytes:
        if owed.event.startswith("batch."):
            data = told_of_batch(owed, (await self._batches.get_many([owed.about]))[0])
        else:
            data = told_of_job(owed, (await self._jobs.get_many([owed.about]))[0])
        return body_of(owed, data)

    async def _end(self, owed: Owed, token: str, told: Told, outcome: Outcome) -> Report:
        """Settle as a task of its own: who stops the worker now must not make the receiver be told twice."""
        settling = asyncio.create_task(self._settle_for_certain(owed, token, told))
        try:
            state = await asyncio.shield(settling)
        except asyncio.CancelledError:
            await asyncio.wait([settling], timeout=LAST_SETTLE_SECONDS)
            raise
        return _report(outcome) if state is not None else Report("dropped: its lease was lost", failed=True)

    async def _settle_for_certain(self, owed: Owed, token: str, told: Told) -> DeliveryState | None:
        """Settle, however long Redis is away; after its lease another sender tells the receiver once more."""
        wait_seconds = 0.1
        while True:
            try:
                return await self._store.settle(owed.id, owed.number, token=token, told=told)
            except StoreUnavailable as error:
                log.warning("webhook %s can not be settled, trying again: %s", owed.id, error)
                await asyncio.sleep(wait_seconds)
                wait_seconds = min(wait_seconds * 2, SETTLE_WAIT_MOST_SECONDS)

    async def _give_back(self, delivery_id: str, number: int, token: str) -> None:
        try:
            await self._store.settle(delivery_id, number, token=token, told=NOT_SENT)
        except StoreUnavailable as error:
            log.warning("webhook %s can not be given back, its lease will do it: %s", delivery_id, error)


def _told(outcome: Outcome, answer: Answer, seconds: float) -> Told:
    """Return what is noted of a try, beside the time at which Redis notes it."""
    record = {"seconds": round(seconds, 3), "status": getattr(answer, "status", None)}
    match outcome:
        case Delivered():
            return Told(DeliveryState.DELIVERED, record)
        case TryAgain(wait_seconds, why):
            return Told(DeliveryState.WAITING, {**record, "error": why}, wait_seconds)
        case GaveUp(why):
            return Told(DeliveryState.DEAD, {**record, "error": why})
        case _:
            assert_never(outcome)


def _report(outcome: Outcome) -> Report:
    match outcome:
        case Delivered():
            return Report("delivered")
        case TryAgain(wait_seconds, why):
            return Report(f"{why}; tried again in {wait_seconds:.0f} s", failed=True)
        case GaveUp(why):
            return Report(f"{why}; given up", failed=True)
        case _:
            assert_never(outcome)
