"""docs/webhooks.md: its example verifies what we send, and it names every event, route and wait."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from fastapi.testclient import TestClient

from pointsman.producer.api import create_app
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.vocabulary.durations import seconds_of
from pointsman.router.vocabulary.webhook import WebhookEvent
from pointsman.workers.webhooks.signature import signed_headers
from tests.support.checkout import ROOT

PAGE = (ROOT / "docs" / "webhooks.md").read_text(encoding="utf-8")
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def receiver() -> tuple[TestClient, dict[str, Any]]:
    """The example of the page as a server, and what it remembers."""
    [code] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    seen: dict[str, Any] = {}
    names: dict[str, Any] = {"remember_once": seen.setdefault}
    exec(compile(code.replace("whsec_...", SECRET), "docs/webhooks.md", "exec", dont_inherit=True), names)
    return TestClient(names["app"]), seen


def test_the_example_verifies_what_we_send(receiver: tuple[TestClient, dict[str, Any]]) -> None:
    client, seen = receiver
    body = b'{"type":"job.succeeded"}'
    headers = signed_headers("msg_1", body, [SECRET], now=int(time.time()))
    for _ in range(2):
        assert client.post("/hooks", content=body, headers=headers).status_code == 204
    assert seen == {"msg_1": {"type": "job.succeeded"}}
    assert client.post("/hooks", content=b"{}", headers=headers).status_code == 400
    old = signed_headers("msg_2", body, [SECRET], now=int(time.time()) - 301)
    assert client.post("/hooks", content=body, headers=old).status_code == 400
    assert client.post("/hooks", content=body).status_code == 400


def test_every_event_stands_there() -> None:
    assert set(re.findall(r"`((?:job|batch)\.[a-z]+)`", PAGE)) == set(WebhookEvent)


def test_every_route_stands_there(settings: Settings, catalog: Catalog) -> None:
    routes = create_app(settings, catalog).openapi()["paths"]
    for path in routes:
        if path.startswith("/v1/webhooks"):
            assert re.sub(r"\{\w+\}", "{id}", path) in PAGE, path


def test_the_waits_are_those_of_the_settings() -> None:
    listed = re.search(r"`POINTSMAN_WEBHOOK_WAITS_SECONDS`: (.*?), each", PAGE, re.DOTALL)
    assert listed
    waits = tuple(seconds_of(wait.replace(" ", "").replace("min", "m")) for wait in listed[1].split(", "))
    assert waits == Settings(_env_file=None).webhook_waits_seconds
