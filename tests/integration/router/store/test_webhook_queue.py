"""The way of a delivery through the scripts: queued, claimed, settled, tried again, redelivered."""

from __future__ import annotations

import asyncio

import pytest

from pointsman.router.config.settings import Settings
from pointsman.router.store import DeliverySettlement
from pointsman.router.store.calls import Change
from pointsman.router.vocabulary.delivery import DeliveryState
from pointsman.router.vocabulary.errors import UnknownDelivery
from tests.support.store_driver import Driver
from tests.support.webhook_driver import DEAD, DELIVERED, HERE, SECRET, Webhooks, again

WAITING, DELIVERED_STATE, DEAD_STATE = DeliveryState


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(
        update={
            "webhook_secrets": (SECRET,),
            "webhook_waits_seconds": (5.0, 300.0),
            "webhook_concurrency_per_host": 2,
        }
    )


@pytest.fixture
def hooks(driver: Driver) -> Webhooks:
    return Webhooks(driver)


async def test_a_delivery_goes_from_waiting_to_delivered(driver: Driver, hooks: Webhooks) -> None:
    [delivery_id] = await hooks.owed()
    assert await hooks.queue() == [(delivery_id, 1)]
    assert await hooks.queue() == [], "nothing is queued twice"
    owed = await hooks.claim(delivery_id)
    assert owed is not None
    assert (owed.target, owed.event, owed.tries) == (HERE, "job.cancelled", 0)
    driver.pass_seconds(2)
    assert await hooks.settle(delivery_id) is DELIVERED_STATE
    delivery = await hooks.get(delivery_id)
    assert (delivery.state, delivery.due, delivery.ended) == (DELIVERED_STATE, None, driver.now / 1000)
    assert [(one.at, one.status) for one in delivery.tries] == [(driver.now / 1000, 200)]
    left = await driver.redis.pttl(driver.keys.key("delivery", delivery_id))
    assert 0 < left <= driver.settings.webhook_ttl_seconds * 1000
    assert await driver.redis.exists(driver.keys.key("sending", "receiver.example")) == 0


@pytest.mark.parametrize("damage", ["no record", "no hash", "no receiver", "no number"])
async def test_a_damaged_delivery_holds_up_no_other(driver: Driver, hooks: Webhooks, damage: str) -> None:
    [bad], [good] = await hooks.owed(), await hooks.owed()
    key = driver.keys.key("delivery", bad)
    if damage in ("no receiver", "no number"):
        await driver.redis.hdel(key, damage.removeprefix("no "))
    else:
        await driver.redis.delete(key)
    if damage == "no hash":
        await driver.redis.set(key, "what is this?")
    assert await hooks.queue() == [(good, 1)]
    assert bad not in await driver.redis.zrange(driver.keys.key("deliveries", "waiting"), 0, -1)


async def test_a_delivery_that_failed_waits_and_is_tried_again(driver: Driver, hooks: Webhooks) -> None:
    [delivery_id] = await hooks.owed()
    await hooks.queue()
    await hooks.send(delivery_id, settlement=again(5))
    assert (await hooks.get(delivery_id)).due == pytest.approx(driver.now / 1000 + 5, abs=0.001)
    driver.pass_seconds(4.9)
    assert await hooks.queue() == []
    driver.pass_seconds(0.2)
    assert await hooks.queue() == [(delivery_id, 2)]
    owed = await hooks.claim(delivery_id, 2)
    assert owed is not None
    assert owed.tries == 1
    assert await hooks.settle(delivery_id, 2, settlement=DEAD) is DEAD_STATE
    assert [one.status for one in (await hooks.get(delivery_id)).tries] == [500, 410]
    left = await driver.redis.pttl(driver.keys.key("delivery", delivery_id))
    assert left > driver.settings.webhook_ttl_seconds * 1000, "a dead one is kept as long as dead letters"


async def test_a_lost_message_comes_back_and_the_first_is_stale(driver: Driver, hooks: Webhooks) -> None:
    [delivery_id] = await hooks.owed()
    assert await hooks.queue() == [(delivery_id, 1)]
    driver.pass_seconds(59)
    assert await hooks.queue() == []
    driver.pass_seconds(2)
    assert await hooks.queue() == [(delivery_id, 2)]
    assert await hooks.claim(delivery_id, 1) is None
    await hooks.send(delivery_id, 2)
    assert len((await hooks.get(delivery_id)).tries) == 1, "a message that nobody took is no try"


async def test_a_doubled_message_is_sent_once(hooks: Webhooks) -> None:
    [delivery_id] = await hooks.owed()
    await hooks.queue()
    both = await asyncio.gather(hooks.claim(delivery_id, token="one"), hooks.claim(delivery_id, token="two"))
    assert [claim is None for claim in both].count(True) == 1
    winner = "one" if both[0] else "two"
    assert await hooks.settle(delivery_id, token="three") is None
    assert await hooks.settle(delivery_id, token=winner, settlement=again()) is WAITING
    assert await hooks.claim(delivery_id, token="two") is None, "its try is over"


async def test_a_repeated_claim_or_settle_changes_nothing(driver: Driver, hooks: Webhooks) -> None:
    [delivery_id] = await hooks.owed()
    await hooks.queue()
    assert await hooks.claim(delivery_id) == await hooks.claim(delivery_id)
    assert await hooks.settle(delivery_id, settlement=again()) is WAITING
    assert await hooks.settle(delivery_id, settlement=again()) is WAITING
    assert len((await hooks.get(delivery_id)).tries) == 1
    assert int(await driver.redis.hget(driver.keys.key("delivery", delivery_id), "tries") or 0) == 1


async def test_a_killed_sender_costs_one_try_and_the_last_one_is_the_end(driver: Driver, hooks: Webhooks) -> None:
    [delivery_id] = await hooks.owed()
    for number in (1, 2, 3):
        assert await hooks.queue() == [(delivery_id, number)]
        assert await hooks.claim(delivery_id, number) is not None
        driver.pass_seconds(31)
    assert await hooks.queue() == []
    delivery = await hooks.get(delivery_id)
    assert delivery.state is DEAD_STATE
    assert [one.error for one in delivery.tries] == ["its sender was lost"] * 3
    assert await hooks.settle(delivery_id, 3) is DEAD_STATE, "what was sent meanwhile is not noted any more"


async def test_what_a_stopping_sender_has_not_sent_is_due_at_once(driver: Driver, hooks: Webhooks) -> None:
    unclaimed, claimed = await hooks.owed(2)
    await hooks.queue()
    assert await hooks.claim(claimed) is not None
    for delivery_id in (unclaimed, claimed):
        assert await hooks.settle(delivery_id, settlement=DeliverySettlement(WAITING)) is WAITING
    assert sorted(await hooks.queue()) == sorted([(unclaimed, 2), (claimed, 2)])
    assert (await hooks.get(claimed)).tries == ()


async def test_a_receiver_with_enough_under_way_does_not_hold_up_the_others(
    driver: Driver, hooks: Webhooks
) -> None:
    slow = await hooks.owed(5, "https://slow.example/a")
    [other] = await hooks.owed(1, "https://SLOW.example:443/b")
    queued = await hooks.queue()
    assert queued == [(slow[0], 1), (slow[1], 1), (other, 1)], "two at a time, and another port is another receiver"
    await hooks.send(slow[0])
    assert await hooks.queue() == [(slow[2], 1)], "the first of those that are parked, at once"
    await hooks.send(slow[1], settlement=again(300))
    await hooks.send(slow[2])
    assert await hooks.queue() == [(slow[3], 1), (slow[4], 1)]
    assert await driver.redis.exists(driver.keys.key("parked", "slow.example")) == 0


async def test_a_parked_delivery_is_looked_at_again_by_itself(driver: Driver, hooks: Webhooks) -> None:
    first, second, parked = await hooks.owed(3)
    assert await hooks.queue() == [(first, 1), (second, 1)]
    await driver.redis.delete(driver.keys.key("parked", "receiver.example"))
    driver.pass_seconds(61)
    assert sorted(await hooks.queue()) == sorted([(first, 2), (second, 2)])
    await hooks.send(first, 2)
    await hooks.send(second, 2)
    assert await hooks.queue() == [(parked, 1)]


async def test_the_queue_takes_no_more_than_its_share_while_no_sender_runs(driver: Driver, hooks: Webhooks) -> None:
    for at in range(130):
        await hooks.owed(2, f"https://r{at}.example/")
    length = driver.redis.llen(driver.keys.key("webhooks"))
    for _ in range(5):
        await hooks.sending.queue(hooks.template, now=driver.now)
        driver.pass_seconds(61)
    assert await length == 200


async def test_the_next_due_time_is_reported(driver: Driver, hooks: Webhooks) -> None:
    assert await hooks.sending.queue(hooks.template, now=driver.now) == (0, None)
    [delivery_id] = await hooks.owed()
    assert await hooks.sending.queue(hooks.template, now=driver.now) == (1, pytest.approx(60, abs=0.01))
    await hooks.send(delivery_id, settlement=again(7))
    assert await hooks.sending.queue(hooks.template, now=driver.now) == (0, pytest.approx(7, abs=0.01))


async def test_a_dead_or_delivered_one_is_redelivered_with_all_its_tries(driver: Driver, hooks: Webhooks) -> None:
    one, two = await hooks.owed(2)
    await hooks.queue()
    await hooks.send(one, settlement=DEAD)
    await hooks.send(two, settlement=DELIVERED)
    for delivery_id, before in ((one, "dead"), (two, "delivered")):
        assert await hooks.redeliver(delivery_id) == Change(before=before, after="waiting")
        assert await driver.redis.pttl(driver.keys.key("delivery", delivery_id)) == -1
    assert await hooks.ids(DEAD_STATE) == await hooks.ids(DELIVERED_STATE) == []
    assert sorted(await hooks.queue()) == sorted([(one, 2), (two, 2)])
    owed = await hooks.claim(one, 2)
    assert owed is not None
    assert owed.tries == 0
    assert len((await hooks.get(one)).tries) == 1, "its history stays"


async def test_one_that_waits_for_hours_is_tried_now_and_one_under_way_is_left_alone(
    driver: Driver, hooks: Webhooks
) -> None:
    [delivery_id] = await hooks.owed()
    await hooks.queue()
    assert await hooks.redeliver(delivery_id) == Change(before="waiting", after="waiting")
    assert await hooks.queue() == [], "it is in the queue already"
    await hooks.send(delivery_id, settlement=again(3600))
    assert await hooks.redeliver(delivery_id) == Change(before="waiting", after="waiting")
    assert await hooks.queue() == [(delivery_id, 2)]
    assert await hooks.redeliver("msg_of_nobody") == Change()
    with pytest.raises(UnknownDelivery):
        await hooks.get("msg_of_nobody")


async def test_a_page_shows_the_last_to_end_first(driver: Driver, hooks: Webhooks) -> None:
    ids = []
    for at in range(5):
        [delivery_id] = await hooks.owed(1, f"https://r{at}.example/")
        await hooks.queue()
        await hooks.send(delivery_id, settlement=DEAD)
        ids.append(delivery_id)
    pages, cursor = [], None
    while True:
        page = await hooks.deliveries.page(DEAD_STATE, limit=2, cursor=cursor)
        pages.append([found.id for found in page.deliveries])
        cursor = page.cursor
        if cursor is None:
            break
    assert pages == [[ids[4], ids[3]], [ids[2], ids[1]], [ids[0]]]


async def test_the_index_forgets_what_has_expired(driver: Driver, hooks: Webhooks) -> None:
    old, new = await hooks.owed(2)
    await hooks.queue()
    await hooks.send(old)
    driver.pass_seconds(driver.settings.webhook_ttl_seconds + 1)
    await hooks.queue()
    assert await hooks.claim(new, 2) is not None
    assert await hooks.settle(new, 2) is DELIVERED_STATE
    assert await hooks.ids(DELIVERED_STATE) == [new]
