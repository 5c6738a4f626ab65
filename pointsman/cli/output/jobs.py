"""Prints jobs: one in words, many as a table, any as JSON; and waits for them with a progress bar."""

from __future__ import annotations

import json
import sys
from typing import Any

import typer
from rich.console import Console
from rich.progress import Progress

from pointsman.router.vocabulary.job import JobError, JobRecord

from ... import Client
from .tables import console_for_tables, results_table


def print_submitted(client: Client, ids: list[str], *, wait: bool, as_json: bool) -> None:
    """Print the ids of jobs just submitted, or wait for them and print what became of each."""
    if wait:
        print_records(wait_for(client, ids, None), as_json=as_json)
    else:
        sys.stdout.write("".join(f"{job_id}\n" for job_id in ids))


def print_warnings(client: Client) -> None:
    """Write what keeps jobs from being done to standard error."""
    for warning in client.warnings():
        sys.stderr.write(f"warning: {warning}\n")


def wait_for(client: Client, ids: list[str], timeout: float | None) -> list[JobRecord]:
    """Wait for jobs, with a progress bar where there is a terminal; raises TimeoutError."""
    print_warnings(client)
    if len(ids) == 1 or not sys.stderr.isatty():
        return client.wait(ids, timeout=timeout)
    found: dict[str, JobRecord] = {}
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("waiting", total=len(ids))
        for record in client.as_finished(ids, timeout=timeout):
            found[record.id] = record
            progress.advance(bar)
    return [found[job_id] for job_id in ids]


def print_records(records: list[JobRecord], *, as_json: bool) -> None:
    """Print what became of jobs; ends with status 1 when one did not succeed."""
    if as_json:
        print_json([record.summary() for record in records])
    elif len(records) == 1:
        _print_one(records[0])
    else:
        console = console_for_tables()
        console.print(results_table(records, width=console.width))
    if any(record.done and record.result is None for record in records):
        raise typer.Exit(1)


def _print_one(record: JobRecord) -> None:
    if record.result is not None:
        sys.stdout.write(record.result.answer.text + "\n")
        why = (record.decision or {}).get("reason", "")
        cost = f", ${record.result.cost_usd:.6f}" if record.result.cost_usd is not None else ""
        sys.stderr.write(f"[{record.result.model}, {record.result.seconds:.2f} s{cost}; {why}]\n")
    elif record.error is not None:
        sys.stderr.write(f"pointsman: job {record.id} {record.state}: {_why(record.error)}\n")
    else:
        where = f" at {record.model}" if record.model and record.state != "pending" else ""
        sys.stdout.write(f"{record.id} {record.state}{where}, attempts so far: {record.attempts}\n")


def _why(error: JobError) -> str:
    """Return the error in words; cancelled and expired say already what became of the job."""
    return error.message if error.kind in ("cancelled", "expired") else f"{error.kind}: {error.message}"


def print_json(data: Any) -> None:
    """Print data as JSON for programs."""
    sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False) + "\n")
