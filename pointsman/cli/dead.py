"""Commands for dead letters: look at jobs that failed or expired, and let them begin anew."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from pointsman.router.vocabulary.errors import ConfigError, ErrorKind

from .duration import duration
from .jobs import HERE, Json, Key, Url

Kinds = Annotated[list[ErrorKind] | None, typer.Option("--kind", help="Only this kind of error; may be repeated.")]
Since = Annotated[
    float | None,
    typer.Option(parser=duration, metavar="DURATION", help="Only what ended in the last 90s, 30m, 1h, 7d, ..."),
]
Model = Annotated[str | None, typer.Option(help="Only what was last bound to this model.")]
Class = Annotated[str | None, typer.Option("--class", help="Only this task class.")]


def dead(
    kind: Kinds = None,
    since: Since = None,
    model: Model = None,
    task_class: Class = None,
    limit: Annotated[int, typer.Option(min=1, help="How many to show at most, the last to end first.")] = 50,
    as_json: Json = False,
    url: Url = HERE,
    api_key: Key = None,
) -> None:
    """List dead letters: jobs that failed or expired. `pointsman why JOB` shows all attempts of one."""
    from .. import Client
    from .job_input import dead_fields
    from .output.jobs import print_json
    from .output.tables import console_for_tables, dead_table

    which = dead_fields(kind, since, model, task_class)
    with Client(url, api_key=api_key) as client:
        records = client.dead(limit, **which)[:limit]
    if as_json:
        print_json([record.summary() for record in records])
        return
    console = console_for_tables()
    console.print(dead_table(records, width=console.width))
    sys.stderr.write("retry one with: pointsman retry JOB; or many: pointsman retry --kind KIND --since 1h\n")


def retry(
    job_ids: Annotated[list[str] | None, typer.Argument(help="Ids of jobs that failed or expired.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every dead letter there is.")] = False,
    kind: Kinds = None,
    since: Since = None,
    model: Model = None,
    task_class: Class = None,
    url: Url = HERE,
    api_key: Key = None,
) -> None:
    """Let dead letters begin anew, by id or by what they have in common; prints each job's id."""
    from .. import Client
    from .job_input import dead_fields
    from .retry import retry_all, retry_each

    which = dead_fields(kind, since, model, task_class)
    if bool(job_ids) + bool(which) + every != 1:
        raise ConfigError(
            "give ids of jobs, or what to choose them by (--kind, --since, --model, --class), or --all"
        )
    with Client(url, api_key=api_key) as client:
        if job_ids:
            retry_each(client, job_ids)
        else:
            retry_all(client, which)
