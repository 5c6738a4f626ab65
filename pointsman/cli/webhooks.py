"""Commands for webhooks: look at deliveries, and send them again."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import typer

from pointsman.router.vocabulary.errors import ConfigError

from .jobs import HERE, Json, Key, Url

MANY = 1_000_000


def webhooks(
    state: Annotated[
        Literal["dead", "waiting", "delivered"], typer.Option(help="Given up, to be tried, or delivered.")
    ] = "dead",
    limit: Annotated[int, typer.Option(min=1, help="How many to show at most, the last first.")] = 50,
    as_json: Json = False,
    url: Url = HERE,
    api_key: Key = None,
) -> None:
    """List the deliveries of webhooks, done or not. `pointsman work --webhooks` runs what sends them."""
    from .. import Client
    from .output.jobs import print_json
    from .output.tables import console_for_tables
    from .output.webhooks import webhook_table

    with Client(url, api_key=api_key) as client:
        found = client.deliveries(state, limit)
    if as_json:
        print_json([delivery.model_dump(mode="json", exclude_none=True) for delivery in found])
        return
    console = console_for_tables()
    console.print(webhook_table(found, width=console.width))
    if state == "dead" and found:
        sys.stderr.write("send one again with: pointsman redeliver ID; or all: pointsman redeliver --all\n")


def redeliver(
    delivery_ids: Annotated[list[str] | None, typer.Argument(help="Ids of deliveries.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every dead one there is.")] = False,
    url: Url = HERE,
    api_key: Key = None,
) -> None:
    """Send webhooks again, with all tries before them, whether they are dead, delivered or waiting."""
    from .. import Client

    if bool(delivery_ids) == every:
        raise ConfigError("give ids of deliveries, or --all")
    with Client(url, api_key=api_key) as client:
        ids = delivery_ids or [delivery.id for delivery in client.deliveries("dead", MANY)]
        for delivery_id in ids:
            sys.stdout.write(f"{delivery_id} {client.redeliver(delivery_id)}\n")
