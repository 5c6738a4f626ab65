"""Carries out one binding in five steps: claim, call, judge, settle, report."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pydantic import ValidationError

from pointsman.router.broker.message import task_id
from pointsman.router.routing.catalog import Catalog
from pointsman.router.routing.fault import fault_words
from pointsman.router.runtime.http import AsyncClient
from pointsman.router.store import AttemptStore, Claim, HeldJob, Settlement
from pointsman.router.vocabulary.chat import ChatRequest
from pointsman.router.vocabulary.errors import ErrorKind, StoreUnavailable
from pointsman.router.vocabulary.job import PAYLOAD_SCHEMA, JobState
from pointsman.router.vocabulary.lanes import Lane
from pointsman.router.vocabulary.model import Model

from .api_keys import key_print
from .call import Answered, OnText, call
from .errors import TIME_LIMIT, CallFailed, LeaseLost
from .leases import Lease, Leases
from .outcome import AttemptOutcome, GaveUp, Judge, RetryLater, Succeeded, Trial
from .providers import FORMATS, WireRequest, named
from .settlement import Tried, past_deadline, settlement
from .token_stream import TokenPublisher, TokenStream

log = logging.getLogger("pointsman.executor")

CLAIM_TRIES = 5
SETTLE_WAIT_MOST_SECONDS = 2.0
LAST_SETTLE_SECONDS = 8.0


@dataclass(frozen=True)
class TaskReport:
    """What an attempt came to, in words for Celery and Flower."""

    words: str
    failed: bool = False


@dataclass(frozen=True)
class Equipment:
    """What calls need: the models, the HTTP client, the API key of each model, and who this worker is."""

    worker: str
    catalog: Catalog
    client: AsyncClient
    api_keys: Mapping[str, str]


class Executor:
    """Carries out bindings for one worker process."""

    def __init__(
        self, store: AttemptStore, equipment: Equipment, *, judge: Judge, leases: Leases, publisher: TokenPublisher
    ) -> None:
        self._store, self._equipment, self._judge = store, equipment, judge
        self._leases, self._publisher = leases, publisher
        self.closing = False

    def take(self, catalog: Catalog, api_keys: Mapping[str, str]) -> None:
        """Carry out by another catalog from now on; calls in flight end as they began."""
        self._equipment = replace(self._equipment, catalog=catalog, api_keys=api_keys)
        self._judge.take(catalog)

    async def attempt(self, job_id: str, binding: int, model_name: str) -> TaskReport:
        """Carry out one binding; what a job, a model or Redis does wrong ends in the report, not in an error."""
        model = self._equipment.catalog.models.get(model_name)
        if self.closing or model is None:
            why = "the worker is stopping" if self.closing else f"this worker knows no model {model_name!r}"
            return await self._release(job_id, binding, why)
        claimed_at = time.monotonic()
        try:
            claim = await self._claim(job_id, binding, model)
        except Exception as error:  # else its binding would be given back, and bound, again and again
            return await self._put_aside(job_id, binding, fault_words("claiming it", error), for_good=False)
        if claim is None:
            return TaskReport("dropped: the binding is stale, its model is closed, or its job too new or expired")
        held = HeldJob(model.name, job_id, binding)
        with (
            self._leases.holding(held, claimed_at=claimed_at) as lease,
            self._publisher.open_stream(held) as token_stream,
        ):
            try:
                return await self._carry_out(claim, model, lease, token_stream)
            except LeaseLost as lost:
                return TaskReport(f"stopped: {lost}", failed=True)
            except Exception as error:  # else the job would be lost and tried, and paid, again and again
                log.exception("job %s failed by a mistake of the worker's own", job_id)
                wrong = CallFailed(ErrorKind.WORKER_LOST, f"the worker failed: {type(error).__name__}")
                return await self._settle(self._tried(claim, model), GaveUp(wrong), model)

    async def _release(self, job_id: str, binding: int, why: str) -> TaskReport:
        try:
            await self._store.release(job_id, binding)
        except StoreUnavailable as error:
            log.warning("job %s could not be released, its deadline will do it: %s", job_id, error)
        return TaskReport(f"released: {why}")

    async def _put_aside(self, job_id: str, binding: int, why: str, *, for_good: bool) -> TaskReport:
        """Count a fault of a job that Redis cannot hand out, or whose end it cannot write down."""
        log.error("job %s causes an error: %s", job_id, why)
        try:
            await self._store.put_aside(job_id, binding, why, for_good=for_good)
        except StoreUnavailable as error:
            log.warning("job %s cannot be put aside, its deadline or its lease will do it: %s", job_id, error)
        return TaskReport(f"put aside: {why}", failed=True)

    async def _claim(self, job_id: str, binding: int, model: Model) -> Claim | None:
        """Claim with one token, so that a lost reply can be asked for again; in the end release takes over."""
        token = secrets.token_hex(8)
        for tries in range(1, CLAIM_TRIES + 1):
            try:
                return await self._store.claim(
                    job_id,
                    binding,
                    token=token,
                    worker=self._equipment.worker,
                    timeout_seconds=model.timeout_seconds,
                )
            except StoreUnavailable as error:
                log.warning("job %s cannot be claimed: %s", job_id, error)
                await asyncio.sleep(0.2 * tries)
        return None

    async def _carry_out(self, claim: Claim, model: Model, lease: Lease, token_stream: TokenStream) -> TaskReport:
        api_key = self._equipment.api_keys.get(model.name)
        tried = self._tried(claim, model)
        if claim.payload.get("schema", 0) > PAYLOAD_SCHEMA:
            why = "the payload is newer than this worker; update the worker"
            await self._store.defer(claim.job_id, claim.binding, why)
            return TaskReport(f"put back: {why}")
        began = time.monotonic()
        try:
            chat = _read_chat(claim)
            call_id = task_id(claim.job_id, claim.binding)
            asked = bool(claim.payload.get("stream"))
            stream = asked or model.stream == "always"
            request = named(FORMATS[model.format].request(chat, model, api_key, stream=stream), call_id)
            tried = replace(tried, dropped=request.dropped)
            answered = await self._call(
                claim, model, request, lease, token_stream.on_text if asked else token_stream.note
            )
            tried = replace(tried, allowance=answered.allowance)
            outcome: AttemptOutcome = Succeeded(answered.answer)
        except CallFailed as error:
            tried = replace(tried, allowance=error.allowance)
            if error.kind is ErrorKind.TIMEOUT and claim.limited_by_deadline:
                return await self._settle_shielded(tried, past_deadline(tried, error))
            outcome = self._judge.judge(error, _trial(claim, model))
        except asyncio.CancelledError as stopped:
            if TIME_LIMIT not in stopped.args:
                settling = asyncio.create_task(self._settle(tried, _worker_stopped(), model))
                await asyncio.wait([settling], timeout=LAST_SETTLE_SECONDS)  # else its lease gives the job back
                raise
            late = CallFailed(ErrorKind.TIMEOUT, f"{TIME_LIMIT} ended the call")
            outcome = self._judge.judge(late, _trial(claim, model))
        tried = replace(
            tried, seconds=time.monotonic() - began, first_token_seconds=token_stream.first_token_seconds
        )
        return await self._settle(tried, outcome, model)

    def _tried(self, claim: Claim, model: Model) -> Tried:
        equipment = self._equipment
        print_of_key = key_print(equipment.api_keys.get(model.name))
        return Tried(claim, model.name, equipment.worker, print_of_key, breaker=model.breaker)

    async def _call(
        self, claim: Claim, model: Model, request: WireRequest, lease: Lease, on_text: OnText
    ) -> Answered:
        """Call the model as a task of its own, which a lost lease cancels."""
        lease.check()
        wire = FORMATS[model.format]
        timeout = claim.timeout_seconds - (time.monotonic() - lease.claimed_at)  # the attempt began with its claim
        calling = call(
            self._equipment.client,
            wire,
            request,
            timeout_seconds=timeout,
            idle_seconds=model.idle_timeout_seconds,
            on_text=on_text,
        )
        lease.call = asyncio.create_task(calling)
        try:
            return await lease.call
        except asyncio.CancelledError:
            if lease.lost:
                raise LeaseLost(lease.lost) from None
            raise

    async def _settle(self, tried: Tried, outcome: AttemptOutcome, model: Model) -> TaskReport:
        return await self._settle_shielded(tried, settlement(tried, outcome, price=model.price))

    async def _settle_shielded(self, tried: Tried, settlement: Settlement) -> TaskReport:
        """Settle as a task of its own: who stops the worker now must not throw a paid answer away."""
        settling = asyncio.create_task(self._settle_for_certain(tried, settlement))
        try:
            return await asyncio.shield(settling)
        except asyncio.CancelledError:
            await asyncio.wait([settling], timeout=LAST_SETTLE_SECONDS)
            if not settling.done():
                log.error("job %s: its outcome could not be settled before the worker ended", tried.claim.job_id)
            raise

    async def _settle_for_certain(self, tried: Tried, settlement: Settlement) -> TaskReport:
        """Settle, however long Redis is away: the answer is paid for, and the fence keeps a late one harmless."""
        claim = tried.claim
        await self._publisher.finish(claim.job_id, claim.binding, failed=settlement.state is not JobState.SUCCEEDED)
        token = secrets.token_hex(8)
        wait_seconds = 0.1
        while True:
            try:
                state = await self._store.settle(claim.job_id, claim.binding, token=token, settlement=settlement)
                return _report(tried, settlement, state)
            except StoreUnavailable as error:
                log.warning("job %s cannot be settled, trying again: %s", claim.job_id, error)
                await asyncio.sleep(wait_seconds)
                wait_seconds = min(wait_seconds * 2, SETTLE_WAIT_MOST_SECONDS)
            except Exception as error:  # for good: called again, it would be paid for again
                why = fault_words("writing down how its call ended", error)
                return await self._put_aside(claim.job_id, claim.binding, why, for_good=True)


def _read_chat(claim: Claim) -> ChatRequest:
    try:
        return ChatRequest.model_validate(claim.payload["chat"])
    except (ValidationError, KeyError) as error:
        raise CallFailed(ErrorKind.INVALID_REQUEST, f"the payload cannot be read: {error}"[:500]) from error


def _trial(claim: Claim, model: Model) -> Trial:
    lane = Lane.parse(claim.lane)
    return Trial(claim.attempt, claim.max_attempts, claim.rate_limits, lane, model, claim.failed_by)


def _worker_stopped() -> AttemptOutcome:
    error = CallFailed(ErrorKind.WORKER_LOST, "the worker was stopped during the call")
    return RetryLater(error, spends_attempt=False)


def _report(tried: Tried, settlement: Settlement, state: JobState | None) -> TaskReport:
    if state is None:
        return TaskReport("dropped: the job was given to another worker, or has ended", failed=True)
    if state is JobState.SUCCEEDED:
        return TaskReport(f"succeeded: {tried.model} in {tried.seconds or 0:.2f} s")
    return TaskReport(f"{settlement.kind}: {settlement.message} (the job is {state})", failed=True)
