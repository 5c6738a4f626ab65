"""Webhooks where more parts meet: a batch by OpenAI's client, a Redis that goes away, the whole of `up`."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from pointsman import AsyncClient
from pointsman.local.ports import free_port
from pointsman.local.up import Plan, running
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.vocabulary.delivery import DeliveryState
from tests.support.batch_files import CHAT, chat_line, jsonl, openai_client
from tests.support.live import running_live
from tests.support.live_webhooks import cancelled, until, until_a_sender_lives, webhook_settings
from tests.support.redis_server import running_redis
from tests.support.running_api import until_it_answers
from tests.support.webhook_driver import SECRET
from tests.support.webhook_receiver import Receiver

KEPT = {"appendonly": "yes", "appendfsync": "always"}


async def test_the_end_of_a_batch_is_read_by_openais_client(
    settings: Settings, catalog: Catalog, tmp_path: Path, receiver: Receiver
) -> None:
    own = webhook_settings(settings, api_port=free_port())
    url = f"http://127.0.0.1:{own.api_port}"
    async with running_live(own, catalog, tmp_path) as live, openai_client(url) as client:
        live.api()
        live.dispatcher()
        live.worker("gpt-4")
        live.sender()
        async with httpx.AsyncClient(base_url=url) as http:
            await until_it_answers(http)
        content = jsonl([chat_line(f"request-{at}") for at in range(5)])
        file = await client.files.create(file=("input.jsonl", content), purpose="batch")
        batch = await client.batches.create(
            input_file_id=file.id, endpoint=CHAT, completion_window="24h", extra_body={"webhook": receiver.url}
        )
        [got] = await receiver.until(1)
        event = client.webhooks.unwrap(got.body.decode(), got.headers, secret=SECRET)
        assert (event.type, event.data.id) == ("batch.completed", batch.id)
        done = await client.batches.retrieve(batch.id)
        data = got.event["data"]
        assert (data["status"], data["output_file_id"]) == ("completed", done.output_file_id)
        assert (data["total"], data["succeeded"], data["failed"]) == (5, 5, 0)
        await until(live, DeliveryState.DELIVERED)


async def test_while_redis_stops_and_comes_back_each_end_is_reported_once(
    settings: Settings, catalog: Catalog, tmp_path: Path, receiver: Receiver
) -> None:
    folder, port = tmp_path / "redis", free_port()
    folder.mkdir()
    own = webhook_settings(settings, redis_url=f"redis://127.0.0.1:{port}/0", webhook_timeout_seconds=30.0)
    opened = receiver.hangs()
    async with running_live(own, catalog, tmp_path) as live:
        with running_redis(folder, port=port, options=KEPT):
            live.dispatcher()
            live.sender()
            await until_a_sender_lives(live)
            ids = await cancelled(live, receiver.url, 12)
            await receiver.until(own.webhook_concurrency_per_host)
        opened.set()  # the replies come while Redis is away
        with running_redis(folder, port=port, options=KEPT):
            delivered = await until(live, DeliveryState.DELIVERED, 12)
        assert sorted(got.event["data"]["id"] for got in receiver.got) == sorted(ids)
        assert all(len(found.tries) == 1 for found in delivered)
        assert all(process.poll() is None for process in live.processes), live.logs()


@pytest.mark.parametrize("own_webhook", [False, True])
async def test_up_sends_webhooks_where_they_can_be_signed(
    settings: Settings, tmp_path: Path, receiver: Receiver, own_webhook: bool
) -> None:
    more = {"webhooks": {"default": {"url": receiver.url, "secrets": [SECRET]}}, "webhook_secrets": ()}
    own = webhook_settings(settings, api_port=free_port(), **(more if own_webhook else {}))
    plan = Plan(own, tmp_path, tmp_path, models=["gpt-4"], simulated=True, flower=False)
    async with running(plan, print) as found, AsyncClient(found.api_url) as client:
        assert found.tree.alive("webhooks")
        job_id = await client.submit("hello", model="gpt-4", webhook=None if own_webhook else receiver.url)
        [got] = await receiver.until(1)
        assert got.event["data"]["id"] == job_id
        assert got.event["type"] == "job.succeeded"


async def test_up_runs_no_sender_where_nothing_can_be_signed(settings: Settings, tmp_path: Path) -> None:
    own = settings.model_copy(update={"api_port": free_port()})
    plan = Plan(own, tmp_path, tmp_path, models=["gpt-4"], simulated=True, flower=False)
    async with running(plan, print) as found:
        assert not found.tree.alive("webhooks")
