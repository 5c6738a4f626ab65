"""Commands for dead letters: look at jobs that failed or expired, and let them begin anew."""

from __future__ import annotations

import sys
import time
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn

from producer import Client
from producer.specs import DeadFields
from router.errors import ConfigError, ErrorKind

from .cli_jobs import HERE, Json, Key, Url, print_json
from .durations import seconds_of
from .tables import console_for_tables, dead_table

Kinds = Annotated[list[ErrorKind] | None, typer.Option("--kind", help="Only this kind of error; may be repeated.")]
Since = Annotated[str | None, typer.Option(help="Only what ended in the last 90s, 30m, 1h, 7d, ...")]
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
    which = _which(kind, since, model, task_class)
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
    which = _which(kind, since, model, task_class)
    if bool(job_ids) + bool(which) + every != 1:
        raise ConfigError(
            "give ids of jobs, or what to choose them by (--kind, --since, --model, --class), or --all"
        )
    with Client(url, api_key=api_key) as client:
        if job_ids:
            _retry_each(client, job_ids)
        else:
            _retry_all(client, which)


def _retry_each(client: Client, job_ids: list[str]) -> None:
    left = 0
    for job_id in job_ids:
        state = client.retry(job_id)
        sys.stdout.write(f"{job_id} {state}\n")
        if state.terminal:
            left += 1
            sys.stderr.write(
                f"pointsman: job {job_id} is {state} and stays so: only failed and expired jobs are retried\n"
            )
    raise typer.Exit(1 if left else 0)


def _retry_all(client: Client, which: DeadFields) -> None:
    count = 0
    columns = SpinnerColumn(), TextColumn("{task.description}")
    with Progress(*columns, console=console_for_tables(stderr=True), transient=True) as progress:
        shown = progress.add_task("retrying")
        for ids in client.retry_dead(**which):
            count += len(ids)
            sys.stdout.write("".join(f"{job_id}\n" for job_id in ids))
            progress.update(shown, description=f"retrying: {count} jobs so far")
    sys.stderr.write(f"{count} jobs begin anew\n")


def _which(
    kind: list[ErrorKind] | None, since: str | None, model: str | None, task_class: str | None
) -> DeadFields:
    which: DeadFields = {}
    if kind:
        which["kind"] = kind
    if since is not None:
        try:
            which["since"] = time.time() - seconds_of(since)
        except ValueError as error:
            raise ConfigError(str(error), field="--since") from error
    if model is not None:
        which["model"] = model
    if task_class is not None:
        which["task_class"] = task_class
    return which
