"""Tables for people: which columns they have."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from pointsman.cli.output.tables import models_table
from pointsman.router.vocabulary.views import ModelView

VIEW = ModelView(
    name="gpt-4", queue="llm.gpt-4", format="openai", upstream="u", depth=0, in_flight=0, slots=4, capacity=4,
    workers=1, waiting=0, served=3, succeeded=3, errors={}, latency_seconds=2.0, requests_last_minute=3,
    tokens_last_minute=90, cost_usd=0.0, breaker="closed", status="open",
)  # fmt: skip
STREAMED = VIEW.model_copy(update={"name": "claude", "first_token_seconds": 0.25})


def cells(views: list[ModelView], *, width: int, column: str) -> list[str]:
    """Return what stands in a column; nothing where there is no such column."""
    table = models_table(views, width=width)
    return [str(cell) for found in table.columns if found.header == column for cell in found.cells]


def test_the_time_to_the_first_words_is_shown_where_a_model_has_streamed() -> None:
    assert cells([VIEW], width=120, column="1st token") == []
    assert cells([VIEW, STREAMED], width=120, column="1st token") == ["-", "0.25 s"]
    assert cells([VIEW, STREAMED], width=120, column="latency") == ["2.00 s", "2.00 s"]


def test_a_narrow_terminal_has_no_room_for_it() -> None:
    assert cells([STREAMED], width=80, column="1st token") == []


def test_a_narrow_terminal_shows_the_status_of_every_model() -> None:
    busy = {"depth": 9999, "waiting": 123_456, "succeeded": 1_234_567, "errors": {"timeout": 12_345}}
    views = [
        VIEW,
        VIEW.model_copy(update={"name": "a-model-with-quite-a-long-name", "status": "no worker", **busy}),
        VIEW.model_copy(update={"status": "paused: out of quota until an operator resumes it", **busy}),
    ]
    file = StringIO()
    Console(file=file, width=80).print(models_table(views, width=80))
    lines = file.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    shown = " ".join(file.getvalue().split())
    assert all(
        words in shown for words in ("status", "open", "no worker", "paused:", "operator", "123456", "1234567")
    )
