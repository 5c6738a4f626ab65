"""Webhooks from outside: what is taken and refused; deliveries by both client transports and the command line."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman import AsyncClient
from pointsman.producer.errors import InvalidJob, UnknownDelivery
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.store import DeliverySettlement
from pointsman.router.vocabulary.delivery import DeliveryState
from tests.support.batch_files import chat_line, jsonl
from tests.support.command_line import run
from tests.support.live import eventually
from tests.support.running_api import SUPPORT, Api, running_api
from tests.support.webhook_driver import DEAD, DELIVERED, HERE, SECRET, Webhooks

CHAT = {"model": "gpt-4", "messages": [{"role": "user", "content": "hello"}]}
PRIVATE = "http://169.254.169.254/latest/meta-data"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"webhook_secrets": (SECRET,)})


@pytest.fixture(autouse=True)
def _secret_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client that goes straight to Redis reads the secret there."""
    monkeypatch.setenv("POINTSMAN_WEBHOOK_SECRETS", SECRET)


async def ended(api: Api, settlement: DeliverySettlement = DEAD, **fields: Any) -> str:
    """Let a job end, and its delivery too; returns the delivery's id."""
    job_id = await api.submit(webhook=HERE, **fields)
    assert (await api.http.delete(f"/v1/jobs/{job_id}")).json()["state"] == "cancelled"
    hooks = Webhooks(api.driver)
    [delivery_id] = await hooks.ids()
    api.driver.pass_seconds(60)  # past Redis's own clock, by which it is due
    await hooks.queue()
    await hooks.send(delivery_id, settlement=settlement)
    return delivery_id


async def test_a_client_submits_with_a_webhook_and_sees_and_redelivers_it(client: AsyncClient, api: Api) -> None:
    job_id = await client.submit(SUPPORT, webhook={"url": HERE, "events": ["job.cancelled"]})
    await client.cancel(job_id)
    [waiting] = await client.deliveries("waiting")
    assert (waiting.about, waiting.event, waiting.url) == (job_id, "job.cancelled", HERE)
    hooks = Webhooks(api.driver)
    api.driver.pass_seconds(60)
    await hooks.queue()
    await hooks.send(waiting.id, settlement=DEAD)
    [dead] = await client.deliveries()
    assert (dead.id, dead.state, [one.status for one in dead.tries]) == (waiting.id, "dead", [410])
    assert await client.redeliver(dead.id) is DeliveryState.WAITING
    assert await client.deliveries() == []
    for unknown in ("msg_of_nobody", "../../jobs"):
        with pytest.raises(UnknownDelivery):
            await client.redeliver(unknown)


@pytest.mark.parametrize(
    "webhook", [PRIVATE, "ftp://example.com", "https://user:pw@example.com", {"url": HERE, "events": ["job.begun"]}]
)
async def test_a_client_is_refused_a_webhook_that_cannot_be(client: AsyncClient, webhook: Any) -> None:
    with pytest.raises(InvalidJob) as caught:
        await client.submit(SUPPORT, webhook=webhook)
    assert caught.value.field.startswith("webhook")


async def test_a_client_pages_through_many(client: AsyncClient, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pointsman.producer.client.asyncio.PAGE", 2)
    ids = [await ended(api) for _ in range(5)]
    assert [found.id for found in await client.deliveries()] == ids[::-1]
    assert [found.id for found in await client.deliveries(limit=3)] == ids[:1:-1]


async def test_the_endpoints_of_the_vendors_take_a_webhook_in_their_pointsman_object(api: Api) -> None:
    ours = {"pointsman": {"webhook": HERE}}
    reply = await api.http.post(
        "/v1/responses", json={"model": "gpt-4", "input": "hello", "background": True, **ours}
    )
    job_id = reply.json()["id"].removeprefix("resp_")
    assert await api.redis.hget(api.driver.keys.key("job", job_id), "webhook") == HERE
    version = {"anthropic-version": "2023-06-01"}
    for path, more in (("chat/completions", {}), ("messages", {"max_tokens": 5})):
        asked = {**CHAT, **more, "pointsman": {"webhook": PRIVATE}}
        reply = await api.http.post(f"/v1/{path}", json=asked, headers=version)
        assert reply.status_code == 400, reply.text
        assert "POINTSMAN_WEBHOOK_ALLOW" in reply.json()["error"]["message"]


async def upload(api: Api, **line: Any) -> str:
    content = jsonl([chat_line("one", **line)])
    reply = await api.http.post("/v1/files", files={"file": ("in.jsonl", content)}, data={"purpose": "batch"})
    return str(reply.json()["id"])


async def test_a_batch_takes_a_webhook_and_its_retry_keeps_it(api: Api) -> None:
    asked = {"input_file_id": await upload(api), "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    refused = await api.http.post("/v1/batches", json={**asked, "webhook": PRIVATE})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "webhook")
    batch = (await api.http.post("/v1/batches", json={**asked, "webhook": {"url": HERE}})).json()
    assert batch["pointsman"]["webhook"] == HERE
    job_id = await api.open_job()
    assert (await api.http.delete(f"/v1/jobs/{job_id}")).json()["state"] == "cancelled"
    hooks = Webhooks(api.driver)
    [delivery_id] = await owed(hooks)
    delivery = await hooks.get(delivery_id)
    assert (delivery.event, delivery.about) == ("batch.completed", batch["id"])
    again = await api.http.post(f"/v1/batches/{batch['id']}/retry")
    assert again.json()["pointsman"]["webhook"] == HERE


async def owed(hooks: Webhooks) -> list[str]:
    found: list[str] = await eventually(hooks.ids, what="a delivery")
    return found


async def test_a_line_of_a_batch_may_have_a_webhook_and_a_wrong_one_fails_the_line_alone(api: Api) -> None:
    batches = {}
    for webhook in (HERE, PRIVATE):
        file_id = await upload(api, pointsman={"webhook": webhook})
        asked = {"input_file_id": file_id, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
        batches[webhook] = (await api.http.post("/v1/batches", json=asked)).json()["id"]
    job_id = await api.open_job()
    assert await api.redis.hget(api.driver.keys.key("job", job_id), "webhook") == HERE
    assert (await api.http.delete(f"/v1/jobs/{job_id}")).json()["state"] == "cancelled"
    [delivery_id] = await Webhooks(api.driver).ids()
    assert (await Webhooks(api.driver).get(delivery_id)).about == job_id


async def test_the_own_webhook_of_a_tenant_is_notified_of_a_batch_and_not_of_its_lines(
    settings: Settings, catalog: Catalog
) -> None:
    own = Settings.model_validate({**settings.model_dump(), "webhooks": {"acme": {"url": HERE}}})
    async with running_api(own, catalog, api_keys=("acme:key-a",)) as api:
        api.http.headers["authorization"] = "Bearer key-a"
        asked = {"input_file_id": await upload(api), "endpoint": "/v1/chat/completions", "completion_window": "24h"}
        batch_id = (await api.http.post("/v1/batches", json=asked)).json()["id"]
        await api.http.delete(f"/v1/jobs/{await api.open_job()}")
        hooks = Webhooks(api.driver)
        [delivery_id] = await owed(hooks)
        delivery = await hooks.get(delivery_id)
        assert (delivery.event, delivery.about, delivery.url) == ("batch.completed", batch_id, None)


async def test_a_tenant_sees_and_redelivers_only_its_own(settings: Settings, catalog: Catalog) -> None:
    keys = ("acme:secret-a", "zeta:secret-z", "everything")
    async with running_api(settings, catalog, api_keys=keys) as api:
        as_tenant = {key.split(":")[0]: {"authorization": f"Bearer {key.split(':')[-1]}"} for key in keys}
        api.http.headers.update(as_tenant["acme"])
        delivery_id = await ended(api)
        for tenant, status in (("zeta", 404), ("acme", 200), ("everything", 200)):
            api.http.headers.update(as_tenant[tenant])
            listed = (await api.http.get("/v1/webhooks/deliveries", params={"state": "dead"})).json()
            seen = [found["id"] for found in listed["deliveries"]]
            assert seen == ([delivery_id] if status == 200 else [])
            assert (await api.http.get(f"/v1/webhooks/deliveries/{delivery_id}")).status_code == status
        for tenant, status in (("zeta", 404), ("acme", 200)):
            api.http.headers.update(as_tenant[tenant])
            reply = await api.http.post(f"/v1/webhooks/deliveries/{delivery_id}/redeliver")
            assert reply.status_code == status
        assert reply.json() == {"id": delivery_id, "state": "waiting"}


async def test_a_secret_of_the_tenant_is_enough(settings: Settings, catalog: Catalog) -> None:
    own = Settings.model_validate(
        {**settings.model_dump(), "webhook_secrets": (), "webhooks": {"acme": {"secrets": [SECRET]}}}
    )
    async with running_api(own, catalog, api_keys=("acme:key-a", "zeta:key-z")) as api:
        for key, status in (("key-a", 202), ("key-z", 422)):
            headers = {"authorization": f"Bearer {key}"}
            job = {**SUPPORT, "webhook": HERE}
            for path, body in (("jobs", job), ("jobs/batch", {"jobs": [job]})):
                reply = await api.http.post(f"/v1/{path}", json=body, headers=headers)
                assert reply.status_code == status, reply.text
                assert SECRET not in reply.text


async def test_the_command_line_lists_and_redelivers(api: Api) -> None:
    one, two = await ended(api), await ended(api)
    delivered = await ended(api, DELIVERED)
    status, output, errors = await run(api, "webhooks")
    assert status == 0
    assert all(word in output for word in (one, two, "job.cancelled", "receiver.example", "410"))
    assert delivered not in output
    assert "pointsman redeliver" in errors
    status, output, _ = await run(api, "webhooks", "--state", "delivered", "--json")
    assert status == 0
    assert delivered in output
    assert (await run(api, "redeliver", delivered))[1].split() == [delivered, "waiting"]
    status, output, _ = await run(api, "redeliver", "--all")
    assert (status, sorted(output.split())) == (0, sorted([one, "waiting", two, "waiting"]))
    status, _, errors = await run(api, "redeliver", "msg_of_nobody")
    assert status == 1
    assert "no webhook delivery has the id" in errors
    assert "give ids of deliveries" in (await run(api, "redeliver"))[2]


async def test_the_command_line_submits_with_a_webhook(api: Api) -> None:
    status, output, _ = await run(api, "submit", "hello", "--webhook", HERE)
    assert status == 0
    assert await api.redis.hget(api.driver.keys.key("job", output.strip()), "webhook") == HERE


async def test_webhooks_that_nobody_sends_are_warned_of(api: Api) -> None:
    job_id = await api.submit(webhook=HERE)
    await api.http.delete(f"/v1/jobs/{job_id}")
    warnings = (await api.http.get("/v1/models")).json()["warnings"]
    assert any("1 webhooks wait" in warning for warning in warnings)
    await Webhooks(api.driver).sending.announce("webhooks@here:1:a")
    warnings = (await api.http.get("/v1/models")).json()["warnings"]
    assert not any("webhooks" in warning for warning in warnings)
