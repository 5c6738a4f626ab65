"""The leases of everything this process has in flight: renewed in one round trip, watched by a monotonic clock."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pointsman.router.store import AttemptStore, HeldJob
from pointsman.router.vocabulary.errors import StoreUnavailable

from .call import Answered
from .errors import LeaseLost

log = logging.getLogger("pointsman.leases")

RENEWALS_PER_LEASE = 3
RETRY_SECONDS = 0.5


@dataclass
class Lease:
    """One lease. Times are this process's monotonic clock, in seconds, counted from before the request was sent."""

    held: HeldJob
    claimed_at: float
    valid_until: float
    call: asyncio.Task[Answered] | None = None
    lost: str = ""

    def check(self) -> None:
        """Raise LeaseLost when the lease is lost, or may have run out: nothing may be sent then."""
        if self.lost:
            raise LeaseLost(self.lost)
        if time.monotonic() >= self.valid_until:
            raise LeaseLost("the lease ran out before the call could be sent")

    def lose(self, why: str) -> None:
        """Mark the lease as lost and stop its call."""
        self.lost = self.lost or why
        if self.call is not None:
            self.call.cancel()


class Leases:
    """All leases of one worker process."""

    def __init__(self, store: AttemptStore, *, lease_seconds: float) -> None:
        self._store, self.seconds = store, lease_seconds
        self._leases: dict[tuple[str, int], Lease] = {}

    def __len__(self) -> int:
        return len(self._leases)

    @contextmanager
    def holding(self, held: HeldJob, *, claimed_at: float) -> Iterator[Lease]:
        """Keep the lease renewed inside the block; `claimed_at` is the monotonic time before the claim was sent."""
        lease = Lease(held, claimed_at, claimed_at + self.seconds)
        self._leases[held.job_id, held.binding] = lease
        try:
            yield lease
        finally:
            self._leases.pop((held.job_id, held.binding), None)

    async def renew_forever(self) -> None:
        """Renew until cancelled; while Redis is away the calls go on, since reap waits a lease after a gap."""
        wait_seconds = self.seconds / RENEWALS_PER_LEASE
        while True:
            await asyncio.sleep(wait_seconds)
            wait_seconds = self.seconds / RENEWALS_PER_LEASE
            try:
                await self.renew()
            except StoreUnavailable as error:
                log.warning("leases cannot be renewed: %s", error)
                wait_seconds = min(wait_seconds, RETRY_SECONDS)
            except Exception:  # without renewals every long call would be reaped and paid again
                log.exception("leases cannot be renewed")
                wait_seconds = min(wait_seconds, RETRY_SECONDS)

    async def renew(self) -> None:
        """Renew all leases once; stops the calls whose lease is lost."""
        leases = list(self._leases.values())
        if not leases:
            return
        sent_at = time.monotonic()
        lost = set(await self._store.renew([lease.held for lease in leases]))
        for lease in leases:
            if lease.held in lost:
                lease.lose("the job was given to another worker, or has ended")
            else:
                lease.valid_until = sent_at + self.seconds

    def stop(self, job_id: str, why: str) -> None:
        """Stop the call of a job, if this process has it."""
        for lease in list(self._leases.values()):
            if lease.held.job_id == job_id:
                lease.lose(why)
