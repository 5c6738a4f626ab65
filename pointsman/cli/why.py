"""Commands that say why: explain a routing decision before a job, and read those of a job."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from .jobs import HERE, Json, Key, Url


def explain(
    prompt: Annotated[str, typer.Argument(help="The prompt; '-' reads it from standard input.")],
    task_class: Annotated[str | None, typer.Option("--class", help="Task class; default: found out.")] = None,
    model: Annotated[str | None, typer.Option(help="A model or an alias.")] = None,
    strategy: Annotated[
        list[str] | None, typer.Option(help="In place of the class's; several narrow in turn.")
    ] = None,
    metric: Annotated[str | None, typer.Option(help="speed, accuracy, creativity, ethics or cost.")] = None,
    affinity_key: Annotated[str | None, typer.Option(help="Key for consistent_hash.")] = None,
    context: Annotated[
        list[str] | None, typer.Option(help="field=value for the rules of contextual; may be repeated.")
    ] = None,
    max_cost_usd: Annotated[float | None, typer.Option(help="The most that one call may cost.")] = None,
    as_json: Json = False,
    url: Url = HERE,
    api_key: Key = None,
) -> None:
    """Show where a prompt would go now, and why; submits nothing."""
    from .. import Client
    from .output.tables import console_for_tables
    from .output.why import candidates_table, explanation_words

    text = sys.stdin.read() if prompt == "-" else prompt
    with Client(url, api_key=api_key) as client:
        found = client.explain(
            text,
            task_class=task_class,
            model=model,
            strategy=tuple(strategy or ()),
            metric=metric,
            affinity_key=affinity_key,
            context=dict(map(_context, context or ())),
            max_cost_usd=max_cost_usd,
        )
    if as_json:
        sys.stdout.write(found.model_dump_json(indent=2, exclude_none=True) + "\n")
        return
    sys.stdout.write(explanation_words(found) + "\n")
    console_for_tables().print(candidates_table(found))


def why(
    job_id: Annotated[str, typer.Argument(help="The job's id.")],
    as_json: Json = False,
    url: Url = HERE,
    api_key: Key = None,
) -> None:
    """Show why a job went where it went: the decision of each attempt, with every candidate."""
    from .. import Client
    from .output.tables import console_for_tables
    from .output.why import attempts_table, decision_words

    with Client(url, api_key=api_key) as client:
        record = client.get(job_id)
    if as_json:
        kept = record.model_dump(include={"id", "task_class", "classified_by", "decision", "history"}, mode="json")
        sys.stdout.write(json.dumps(kept, indent=2, ensure_ascii=False) + "\n")
        return
    sys.stdout.write(decision_words(record) + "\n")
    console_for_tables().print(attempts_table(record))


def _context(text: str) -> tuple[str, str | float]:
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        return name, value
