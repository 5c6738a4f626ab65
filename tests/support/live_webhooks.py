"""What the live tests of webhooks share: settings that allow loopback, and waits for deliveries and senders."""

from __future__ import annotations

from typing import Any

from pointsman.router.config.settings import Settings
from pointsman.router.store import DeliveryQueue, DeliveryStore
from pointsman.router.vocabulary.delivery import Delivery, DeliveryState
from pointsman.router.vocabulary.job import JobState
from tests.support.live import Live, eventually
from tests.support.webhook_driver import SECRET


def webhook_settings(settings: Settings, **more: Any) -> Settings:
    """Return settings that sign, allow a receiver on loopback, and wait a tenth of a second between three tries."""
    given = {
        "webhook_secrets": (SECRET,),
        "webhook_allow": ("127.0.0.0/8", "::1/128"),
        "webhook_timeout_seconds": 2.0,
        "webhook_waits_seconds": (0.1, 0.1),
    }
    return Settings.model_validate({**settings.model_dump(), **given, **more})


def store(live: Live) -> DeliveryStore:
    """Return the callers' side of the deliveries."""
    return DeliveryStore(live.redis, live.jobs.keys)


async def until(live: Live, state: DeliveryState, count: int = 1) -> list[Delivery]:
    """Wait until so many deliveries are in a state."""

    async def there() -> list[Delivery]:
        found = (await store(live).page(state, limit=100)).deliveries
        return found if len(found) >= count else []

    found: list[Delivery] = await eventually(there, what=f"{count} deliveries {state}: {live.logs()}")
    return found


async def until_a_sender_lives(live: Live, count: int = 1) -> None:
    """Wait until so many processes that send webhooks have announced themselves."""
    sending = DeliveryQueue(live.redis, settings=live.settings)

    async def lives() -> bool:
        return len(await sending.live_senders()) == count

    await eventually(lives, what=f"{count} senders: {live.logs()}")


async def cancelled(live: Live, webhook: str, count: int = 1, **fields: Any) -> list[str]:
    """Let jobs end, without any worker, whose webhook is told of it; returns their ids."""
    ids = await live.submit(count, webhook=webhook, **fields)
    for job_id in ids:
        assert await live.jobs.cancel(job_id) is JobState.CANCELLED
    return ids
