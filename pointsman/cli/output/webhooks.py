"""The table of webhook deliveries for people."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from rich.box import ROUNDED, SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from pointsman.router.vocabulary.delivery import Delivery

from .tables import WIDE_FROM


def webhook_table(deliveries: Iterable[Delivery], *, width: int) -> Table:
    """Return one row for each delivery: of what, whereto, and what came of its last try."""
    wide = width >= WIDE_FROM
    table = Table(box=ROUNDED if wide else SIMPLE_HEAD, padding=(0, 1 if wide else 0))
    table.add_column("delivery", no_wrap=True, min_width=22)
    table.add_column("event", no_wrap=True)
    for name in ("about", "url"):
        table.add_column(name, overflow="fold", min_width=12)
    table.add_column("tries", justify="right")
    table.add_column("ended, or due", no_wrap=True)
    table.add_column("last try", overflow="fold", min_width=12)
    for delivery in deliveries:
        table.add_row(*map(Text, _row(delivery)))
    return table


def _row(delivery: Delivery) -> tuple[str, ...]:
    moment = datetime.fromtimestamp(delivery.ended or delivery.due or 0).strftime("%m-%d %H:%M:%S")
    where = delivery.url or f"that of {delivery.tenant}"
    return (
        delivery.id, delivery.event, delivery.about, where, str(len(delivery.tries)), moment, _last(delivery)
    )  # fmt: skip


def _last(delivery: Delivery) -> str:
    if not delivery.tries:
        return "-"
    last = delivery.tries[-1]
    return last.error or str(last.status)
