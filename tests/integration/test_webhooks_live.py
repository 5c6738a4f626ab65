"""Webhooks on real parts: an API, a dispatcher, a worker for models, one for webhooks, a receiver on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from live import Live, eventually, running_live
from receiver import LOOPBACK, Receiver, running_receiver
from standardwebhooks import Webhook as Verifier
from webhook_driver import SECRET

from router.catalog import Catalog
from router.delivery import Delivery, DeliveryState
from router.settings import Settings
from router.store import DeliveryStore, SendingStore


@pytest.fixture
def settings(settings: Settings) -> Settings:
    given = {
        "webhook_secrets": (SECRET,),
        "webhook_allow": LOOPBACK,
        "webhook_timeout_seconds": 2.0,
        "webhook_waits_seconds": (0.1, 0.1),
    }
    return Settings.model_validate({**settings.model_dump(), **given})


@pytest_asyncio.fixture
async def live(settings: Settings, catalog: Catalog, tmp_path: Path) -> AsyncIterator[Live]:
    async with running_live(settings, catalog, tmp_path) as found:
        yield found


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with running_receiver() as found:
        yield found


def store(live: Live) -> DeliveryStore:
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
    sending = SendingStore(live.redis, settings=live.settings)

    async def lives() -> bool:
        return len(await sending.live_senders()) == count

    await eventually(lives, what=f"{count} senders: {live.logs()}")


async def test_a_job_is_told_of_signed_and_at_once(live: Live, receiver: Receiver) -> None:
    live.dispatcher()
    live.worker("gpt-4")
    live.sender()
    await live.until_capacity(gpt_4=4)
    await until_a_sender_lives(live)
    [job_id] = await live.submit(1, task_class="technical_support", webhook=f"{receiver.url}/hooks?a=1")
    [got] = await receiver.until(1)
    event = Verifier(SECRET).verify(got.body, got.headers)
    assert event["type"] == "job.succeeded"
    assert event["data"]["id"] == job_id
    assert event["data"]["state"] == "succeeded"
    assert event["data"]["result"]["answer"]["text"].startswith("[simulated]")
    assert {"request", "prompt", "history", "decision"} & set(event["data"]) == set()
    assert got.headers["content-type"] == "application/json"
    [delivery] = await until(live, DeliveryState.DELIVERED)
    assert (delivery.id, delivery.about) == (got.id, job_id)
    assert [one.status for one in delivery.tries] == [204]
