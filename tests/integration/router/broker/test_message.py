"""The message that the bind script pushes is the one that Celery itself would have sent, and kombu reads it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from celery import Celery
from kombu import Connection

from pointsman.router.broker.message import TASK, TRANSPORT
from tests.support.store_driver import Driver

OWN_VALUES = (("headers", "origin"), ("properties", "delivery_tag"), ("properties", "reply_to"))
"""What differs with every sender or message."""


async def pushed(driver: Driver) -> dict[str, Any]:
    """Return the only message in the queue, and take it out."""
    (text,) = await driver.redis.lrange(driver.keys.queue("gpt-4"), 0, -1)
    await driver.redis.delete(driver.keys.queue("gpt-4"))
    message: dict[str, Any] = json.loads(text)
    for part, name in OWN_VALUES:
        assert name in message[part]
        message[part][name] = "left out"
    return message


async def test_the_pushed_message_is_what_celery_would_send(driver: Driver, app: Celery) -> None:
    await driver.announce()
    job_id = await driver.submit()
    await driver.bind(job_id)
    ours = await pushed(driver)

    def send() -> None:
        task_id = f"{job_id}.1"
        app.send_task(
            TASK, task_id=task_id, queue="llm.gpt-4", exchange="", routing_key="llm.gpt-4",
            argsrepr=f"({job_id!r}, 1)", kwargsrepr="{}",
        )  # fmt: skip

    await asyncio.to_thread(send)
    assert ours == await pushed(driver)


async def test_our_transport_takes_messages_in_order_and_never_puts_one_back(driver: Driver, app: Celery) -> None:
    await driver.announce()
    first, second = await driver.submit(), await driver.submit()
    await driver.bind_many([first, second])

    def consume() -> list[str]:
        url, options = app.conf.broker_url, app.conf.broker_transport_options
        connection = Connection(url, transport=TRANSPORT, transport_options=options)
        with connection, connection.SimpleQueue("llm.gpt-4") as queue:
            return [queue.get(timeout=5).headers["id"] for _ in range(2)]  # and acknowledges none

    assert await asyncio.to_thread(consume) == [f"{first}.1", f"{second}.1"]
    assert await driver.queued() == []


async def test_no_prompt_travels_through_the_broker(driver: Driver) -> None:
    await driver.announce()
    job_id = await driver.submit("a very private question")
    await driver.bind(job_id)
    (text,) = await driver.redis.lrange(driver.keys.queue("gpt-4"), 0, -1)
    assert "private" not in json.dumps(json.loads(text))
