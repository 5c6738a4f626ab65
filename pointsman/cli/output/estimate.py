"""How the estimate of a run looks to people."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from pointsman.producer.file_run import Estimate
from pointsman.producer.file_run.estimate import NO_MODEL

from .file_run import duration


def estimate_words(found: Estimate) -> str:
    """Return what is expected, and how it was worked out."""
    totals = found.totals
    lines = [
        f"lines   {totals.jobs:,}" + (f", and {totals.bad:,} that cannot be done" if totals.bad else ""),
        *(f"        {mistake}" for mistake in totals.mistakes),
        f"tokens  about {totals.input_tokens:,} in, at most {totals.output_tokens:,} out (512 where none is said)",
        f"price   {_price(found.cost_usd)}",
        f"time    {_time(found)}",
    ]
    if found.looked_at < totals.jobs:
        lines.append(f"classes and models are those of {found.looked_at:,} lines, evenly spread, scaled up")
    return "\n".join(lines) + "\n"


def _price(usd: float | None) -> str:
    return "not known: a model has no price" if usd is None else f"at most about ${usd:.4f}, with all those tokens"


def _time(found: Estimate) -> str:
    if found.seconds is None:
        return f"not known: {found.why_unknown}"
    how = "by the models' latency, slots and limits now, with nothing else to do"
    return f"about {duration(found.seconds)}, {how}"


def estimate_table(found: Estimate) -> Table:
    """Return one row for each task class, then one for each model."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1))
    table.add_column("")
    table.add_column("name", no_wrap=True)
    for column in ("lines", "price", "time"):
        table.add_column(column, justify="right", no_wrap=True)
    for name, count in found.task_classes.items():
        table.add_row("class", Text(name), f"{count:,}", "", "")
    table.add_section()
    for name, model in found.models.items():
        if name == NO_MODEL:
            table.add_row("model", "none can do it", f"{model.jobs:,}", "-", "-")
            continue
        price = "-" if model.cost_usd is None else f"${model.cost_usd:.4f}"
        time = "-" if model.seconds is None else duration(model.seconds)
        table.add_row("model", Text(name), f"{model.jobs:,}", price, time)
    return table
