"""Webhooks on real parts: an API, a dispatcher, a worker for models, one for webhooks, a receiver on loopback."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier

from pointsman.router.config.settings import Settings
from pointsman.router.vocabulary.delivery import Delivery, DeliveryState
from pointsman.workers.webhooks.post import NO_URL, REFUSED
from tests.support.live import Live, eventually
from tests.support.live_webhooks import cancelled, store, until, until_a_sender_lives, webhook_settings
from tests.support.webhook_driver import SECRET
from tests.support.webhook_receiver import Receiver, running_receiver


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return webhook_settings(settings)


async def test_a_job_is_notified_of_signed_and_at_once(live: Live, receiver: Receiver) -> None:
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


async def test_a_receiver_that_fails_is_tried_again_with_the_same_id(live: Live, receiver: Receiver) -> None:
    receiver.replies(500)
    live.dispatcher()
    live.sender()
    await cancelled(live, receiver.url)
    await receiver.until(2)
    receiver.replies(202)
    got = await receiver.until(3)
    assert len({request.id for request in got}) == 1
    assert len({request.body for request in got}) == 1
    [delivery] = await until(live, DeliveryState.DELIVERED)
    assert [one.status for one in delivery.tries] == [500, 500, 202]


async def test_a_dead_one_is_redelivered(live: Live, receiver: Receiver) -> None:
    receiver.replies(500)
    live.dispatcher()
    live.sender()
    await cancelled(live, receiver.url)
    [dead] = await until(live, DeliveryState.DEAD)
    assert [one.status for one in dead.tries] == [500, 500, 500]
    receiver.replies(200)
    assert await store(live).redeliver(dead.id) is DeliveryState.WAITING
    [delivered] = await until(live, DeliveryState.DELIVERED)
    assert [one.status for one in delivered.tries] == [500, 500, 500, 200]
    assert {request.id for request in receiver.got} == {dead.id}


async def test_a_receiver_that_is_gone_is_not_tried_again(live: Live, receiver: Receiver) -> None:
    receiver.replies(410)
    live.dispatcher()
    live.sender()
    await cancelled(live, receiver.url)
    [dead] = await until(live, DeliveryState.DEAD)
    assert [one.status for one in dead.tries] == [410]
    assert len(receiver.got) == 1


async def test_a_receiver_that_asks_for_time_gets_it(live: Live, receiver: Receiver) -> None:
    receiver.replies(429, **{"Retry-After": "3600"})
    live.dispatcher()
    live.sender()
    await cancelled(live, receiver.url)

    async def tried() -> Delivery | None:
        [found] = (await store(live).page(DeliveryState.WAITING, limit=10)).deliveries
        return found if found.tries else None

    waiting: Delivery = await eventually(tried, what=f"a first try: {live.logs()}")
    assert waiting.due is not None
    assert waiting.due >= waiting.tries[0].at + 3600


async def test_a_redirect_is_not_followed(live: Live, receiver: Receiver) -> None:
    async with running_receiver() as other:
        receiver.replies(307, Location=f"{other.url}/elsewhere")
        live.dispatcher()
        live.sender()
        await cancelled(live, receiver.url)
        [dead] = await until(live, DeliveryState.DEAD)
        assert [one.status for one in dead.tries] == [307, 307, 307]
        assert "redirect" in dead.tries[0].error
        assert other.got == []


async def test_a_name_that_leads_to_an_address_which_is_not_allowed_is_dead_at_once(
    live: Live, receiver: Receiver
) -> None:
    live.dispatcher()
    live.sender(POINTSMAN_WEBHOOK_ALLOW="", POINTSMAN_WEBHOOK_WAITS_SECONDS="0.1,0.1")
    port = receiver.url.rpartition(":")[2]
    for host in ("localhost", "2130706433", "0x7f.1"):
        await cancelled(live, f"http://{host}:{port}/")
    dead = await until(live, DeliveryState.DEAD, 3)
    assert [len(found.tries) for found in dead] == [1, 1, 1]
    errors = {found.url: found.tries[0].error for found in dead}
    assert errors.pop(f"http://localhost:{port}/") == REFUSED
    assert set(errors.values()) <= {REFUSED, NO_URL}
    assert receiver.got == []


async def test_a_slow_receiver_does_not_hold_up_another(live: Live, receiver: Receiver) -> None:
    opened = receiver.hangs()
    async with running_receiver() as quick:
        live.dispatcher()
        live.sender("-c", "10")
        await cancelled(live, receiver.url, 30)
        await receiver.until(live.settings.webhook_concurrency_per_host)
        await cancelled(live, quick.url, 5, start=30)
        await quick.until(5)
        assert not opened.is_set()
        assert len(receiver.got) == live.settings.webhook_concurrency_per_host, "the others wait until these end"
        opened.set()
        await until(live, DeliveryState.DELIVERED, 35)


async def test_two_dispatchers_and_two_senders_send_each_end_once(live: Live, receiver: Receiver) -> None:
    for _ in range(2):
        live.dispatcher()
        live.sender()
    await until_a_sender_lives(live, 2)
    ids = await cancelled(live, receiver.url, 60)
    await until(live, DeliveryState.DELIVERED, 60)
    assert sorted(got.event["data"]["id"] for got in receiver.got) == sorted(ids)


async def test_a_doubled_message_is_reported_once(live: Live, receiver: Receiver) -> None:
    live.dispatcher()
    await cancelled(live, receiver.url)
    queue = live.jobs.keys.key("webhooks")

    async def queued() -> Any:
        return await live.redis.lrange(queue, 0, -1)

    [message] = await eventually(queued, what="a message")
    await live.redis.lpush(queue, message, message)
    live.sender()
    await until(live, DeliveryState.DELIVERED)

    async def empty() -> bool:
        return not await live.redis.exists(queue)

    await eventually(empty, what="all messages are taken")
    await cancelled(live, f"{receiver.url}/last", start=1)
    await receiver.until(1, "/last")  # behind the doubled ones
    assert len(receiver.got) == 2


async def test_a_sender_killed_in_the_middle_sends_twice_with_one_id(live: Live, receiver: Receiver) -> None:
    opened = receiver.hangs()
    live.dispatcher()
    first = live.sender(POINTSMAN_WEBHOOK_TIMEOUT_SECONDS="5")
    [job_id] = await cancelled(live, receiver.url)
    await receiver.until(1)
    first.kill()
    opened.set()
    live.sender()
    one, two = await receiver.until(2)
    assert (one.id, one.body) == (two.id, two.body)
    [delivery] = await until(live, DeliveryState.DELIVERED)
    assert delivery.about == job_id
    assert [found.error for found in delivery.tries] == ["its sender was lost", ""]


async def test_a_sender_asked_to_stop_ends_what_it_sends_and_leaves_the_rest_to_others(
    live: Live, receiver: Receiver
) -> None:
    opened = receiver.hangs()
    live.dispatcher()
    first = live.sender(POINTSMAN_WEBHOOK_TIMEOUT_SECONDS="30")
    ids = await cancelled(live, receiver.url, 20)
    await receiver.until(live.settings.webhook_concurrency_per_host)
    first.send_signal(signal.SIGTERM)
    await until_a_sender_lives(live, 0)
    opened.set()
    assert await asyncio.to_thread(first.wait, 20) == 0, live.logs()
    begun = [got.event["data"]["id"] for got in receiver.got]
    live.sender()
    await until(live, DeliveryState.DELIVERED, 20)
    delivered = [got.event["data"]["id"] for got in receiver.got]
    assert sorted(delivered) == sorted(ids), "each once"
    assert set(begun) < set(delivered)


async def test_the_secret_stands_in_no_log(live: Live, receiver: Receiver) -> None:
    receiver.replies(500)
    live.dispatcher()
    live.sender(POINTSMAN_LOG_LEVEL="DEBUG")
    await cancelled(live, receiver.url)
    [dead] = await until(live, DeliveryState.DEAD)
    logs = "".join(path.read_text(errors="replace") for path in live.folder.glob("*.log"))
    assert dead.id in logs
    assert SECRET not in logs
    assert SECRET.removeprefix("whsec_") not in logs


async def test_celerys_time_limit_ends_a_request_as_a_try_that_failed(live: Live, receiver: Receiver) -> None:
    receiver.hangs()
    live.dispatcher()
    celery = (sys.executable, "-m", "celery", "-A", "pointsman", "worker", "-Q", "pointsman:webhooks")
    limits = {"POINTSMAN_WEBHOOK_TIMEOUT_SECONDS": "60", "POINTSMAN_WEBHOOK_WAITS_SECONDS": ""}
    live.start(*celery, "--soft-time-limit", "1", name="webhooks", **limits)
    await cancelled(live, receiver.url)
    [dead] = await until(live, DeliveryState.DEAD)
    assert [one.error for one in dead.tries] == ["the worker's time limit ended the request"]


async def test_a_worker_does_not_mix_webhooks_with_models(live: Live) -> None:
    mixed = live.worker("gpt-4,pointsman:webhooks")
    assert await asyncio.to_thread(mixed.wait, 30) == 2
    assert "wants a worker of its own" in live.logs()


async def test_a_sender_is_found_by_its_health_check(live: Live) -> None:
    def healthy() -> bool:
        check = live.start(sys.executable, "-m", "pointsman", "health", "webhooks", name="health")
        return check.wait(30) == 0

    assert not await asyncio.to_thread(healthy)
    live.sender()
    await until_a_sender_lives(live)
    assert await asyncio.to_thread(healthy)
