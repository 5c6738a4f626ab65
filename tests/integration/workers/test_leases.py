"""Leases as a worker process holds them: renewed together, watched by its own clock, calls stopped when lost."""

from __future__ import annotations

import asyncio
import time

import pytest

from pointsman.router.store import HeldJob
from pointsman.workers.errors import LeaseLost
from pointsman.workers.leases import Lease, Leases
from tests.support.store_driver import Driver


@pytest.fixture
def leases(driver: Driver) -> Leases:
    """The leases of one process, on Redis's own clock."""
    return Leases(driver.work, lease_seconds=driver.settings.lease_seconds)


async def claimed(driver: Driver) -> HeldJob:
    """Return a job that this process has just claimed."""
    driver.now = int(time.time() * 1000)
    return HeldJob("gpt-4", await driver.run_to_claim(), 1)


async def forever(lease: Lease) -> None:
    """Stand for a call in flight."""
    lease.call = asyncio.create_task(asyncio.sleep(60))  # type: ignore[arg-type] # any task can be stopped
    await lease.call


async def test_a_renewed_lease_stays_valid(driver: Driver, leases: Leases) -> None:
    held = await claimed(driver)
    with leases.holding(held, claimed_at=time.monotonic()) as lease:
        before = lease.valid_until
        await leases.renew()
        lease.check()
        assert lease.valid_until > before


async def test_a_lease_counts_from_when_its_renewal_was_sent(driver: Driver, leases: Leases) -> None:
    held = await claimed(driver)
    with leases.holding(held, claimed_at=time.monotonic()) as lease:
        await driver.redis.client_pause(400)  # the reply comes this late
        await leases.renew()
        replied_at = time.monotonic()
    assert replied_at - (lease.valid_until - leases.seconds) > 0.2


async def test_a_lost_lease_stops_its_call_and_no_other(driver: Driver, leases: Leases) -> None:
    lost, kept = await claimed(driver), await claimed(driver)
    now = time.monotonic()
    with leases.holding(lost, claimed_at=now) as first, leases.holding(kept, claimed_at=now) as second:
        calls = [asyncio.create_task(forever(lease)) for lease in (first, second)]
        await asyncio.sleep(0)
        await driver.cancel(lost.job_id)
        await leases.renew()
        with pytest.raises(asyncio.CancelledError):
            await calls[0]
        with pytest.raises(LeaseLost):
            first.check()
        second.check()
        assert not calls[1].done()
        calls[1].cancel()


async def test_nothing_is_sent_once_the_lease_may_have_run_out(driver: Driver, leases: Leases) -> None:
    held = await claimed(driver)
    with (
        leases.holding(held, claimed_at=time.monotonic() - leases.seconds) as lease,
        pytest.raises(LeaseLost, match="ran out"),
    ):
        lease.check()


async def test_a_job_can_be_stopped_by_its_id(driver: Driver, leases: Leases) -> None:
    held = await claimed(driver)
    with leases.holding(held, claimed_at=time.monotonic()) as lease:
        leases.stop("another-job", "not this one")
        lease.check()
        leases.stop(held.job_id, "the job was cancelled")
        with pytest.raises(LeaseLost, match="cancelled"):
            lease.check()


async def test_an_ended_attempt_is_not_renewed_any_more(driver: Driver, leases: Leases) -> None:
    held = await claimed(driver)
    with leases.holding(held, claimed_at=time.monotonic()):
        assert len(leases) == 1
    assert len(leases) == 0
    await leases.renew()


async def test_renewing_keeps_a_job_from_being_reaped(driver: Driver, leases: Leases) -> None:
    held = await claimed(driver)
    with leases.holding(held, claimed_at=time.monotonic()):
        renewing = asyncio.create_task(leases.renew_forever())
        running = driver.keys.key("running", "gpt-4")
        first = await driver.redis.zscore(running, held.job_id)
        async with asyncio.timeout(5):
            while await driver.redis.zscore(running, held.job_id) == first:  # noqa: ASYNC110 # another process has no event
                await asyncio.sleep(0.05)
        renewing.cancel()
