"""Lets dead letters begin anew, and says which."""

from __future__ import annotations

import sys

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn

from pointsman.producer.client.specs import DeadFields

from .. import Client
from .output.tables import console_for_tables


def retry_each(client: Client, job_ids: list[str]) -> None:
    """Let each job begin anew and print its state; ends with status 1 when one stays as it is."""
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


def retry_all(client: Client, which: DeadFields) -> None:
    """Let all dead letters that fit begin anew, and print their ids as they do."""
    count = 0
    columns = SpinnerColumn(), TextColumn("{task.description}")
    with Progress(*columns, console=console_for_tables(stderr=True), transient=True) as progress:
        shown = progress.add_task("retrying")
        for ids in client.retry_dead(**which):
            count += len(ids)
            sys.stdout.write("".join(f"{job_id}\n" for job_id in ids))
            progress.update(shown, description=f"retrying: {count} jobs so far")
    sys.stderr.write(f"{count} jobs begin anew\n")
