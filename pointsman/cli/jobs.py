"""Commands that use a running Pointsman: submit, result, wait, cancel, models."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from .duration import duration

Url = Annotated[
    str,
    typer.Option(envvar="POINTSMAN_URL", help="The producer API, or the URL of Redis to go straight there."),
]
Key = Annotated[
    str | None, typer.Option("--api-key", envvar="POINTSMAN_API_KEY", help="API key, where one is needed.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
ExpiresIn = Annotated[
    float | None,
    typer.Option(parser=duration, metavar="DURATION", help="How long a job may take: 90s, 1h, ..., or seconds."),
]
Timeout = Annotated[
    float | None,
    typer.Option(parser=duration, metavar="DURATION", help="How long to wait: 90s, 1h, ..., or seconds."),
]
HERE = "http://127.0.0.1:8300"


def submit(
    prompt: Annotated[str | None, typer.Argument(help="The prompt; '-' reads it from standard input.")] = None,
    file: Annotated[
        Path | None,
        typer.Option(help="JSON Lines ('-': standard input), one job a line, fields as in POST /v1/jobs."),
    ] = None,
    task_class: Annotated[
        str | None, typer.Option("--class", help="Task class; default: found from the prompt.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="A model, which pins the job, or an alias.")] = None,
    system: Annotated[str | None, typer.Option(help="System prompt.")] = None,
    priority: Annotated[int, typer.Option(min=0, max=9, help="0 to 9, 9 first.")] = 5,
    expires_in: ExpiresIn = None,
    not_before: Annotated[str | None, typer.Option(help="Time to wait for: in 90s, 1h, ..., or ISO 8601.")] = None,
    idempotency_key: Annotated[str | None, typer.Option(help="The same key again returns the first job.")] = None,
    strategy: Annotated[list[str] | None, typer.Option(help="In place of the class's; may be repeated.")] = None,
    metric: Annotated[str | None, typer.Option(help="What matters, for model_aware: speed, accuracy, ...")] = None,
    affinity_key: Annotated[str | None, typer.Option(help="Key for consistent_hash; default: the prompt.")] = None,
    max_cost_usd: Annotated[float | None, typer.Option(help="The most that one call may cost.")] = None,
    webhook: Annotated[str | None, typer.Option(help="URL that is notified of the end.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait, and print the answer.")] = False,
    as_json: Json = False,
    url: Url = HERE,
    api_key: Key = None,
) -> None:
    """Submit a job, or a file of jobs; prints each job's id."""
    from .. import Client
    from .job_input import moment, read_specs
    from .output.jobs import print_submitted

    fields = {
        "task_class": task_class, "model": model, "system": system, "priority": priority, "expires_in": expires_in,
        "not_before": moment(not_before), "idempotency_key": idempotency_key, "max_cost_usd": max_cost_usd,
        "strategy": tuple(strategy or ()), "metric": metric, "affinity_key": affinity_key, "webhook": webhook,
    }  # fmt: skip
    specs = read_specs(prompt, file, fields)
    with Client(url, api_key=api_key) as client:
        ids = client.submit_many(specs)
        print_submitted(client, ids, wait=wait, as_json=as_json)


def result(
    job_id: Annotated[str, typer.Argument(help="The job's id.")],
    as_json: Json = False,
    url: Url = HERE,
    api_key: Key = None,
) -> None:
    """Print what is known of a job now: its answer, its error, or where it waits. Does not wait."""
    from .. import Client
    from .output.jobs import print_records

    with Client(url, api_key=api_key) as client:
        record = client.get(job_id)
    print_records([record], as_json=as_json)


def wait(
    job_ids: Annotated[list[str], typer.Argument(help="Ids of jobs; '-' reads them from standard input.")],
    timeout: Timeout = None,
    as_json: Json = False,
    url: Url = HERE,
    api_key: Key = None,
) -> None:
    """Wait for jobs to end and print their results; status 1 when one did not succeed, 3 on a timeout."""
    from .. import Client
    from .output.jobs import print_records, wait_for

    ids = sys.stdin.read().split() if job_ids == ["-"] else job_ids
    with Client(url, api_key=api_key) as client:
        try:
            records = wait_for(client, ids, timeout)
        except TimeoutError:
            sys.stderr.write(f"pointsman: not all of the jobs ended within {timeout:g} s\n")
            raise typer.Exit(3) from None
    print_records(records, as_json=as_json)


def cancel(
    job_ids: Annotated[list[str], typer.Argument(help="Ids of jobs.")],
    url: Url = HERE,
    api_key: Key = None,
) -> None:
    """Cancel jobs, wherever they are; a running call is stopped at once."""
    from .. import Client

    with Client(url, api_key=api_key) as client:
        for job_id in job_ids:
            sys.stdout.write(f"{job_id} {client.cancel(job_id)}\n")


def models(
    check: Annotated[bool, typer.Option("--check", help="Only check models.yaml.")] = False,
    file: Annotated[Path | None, typer.Option("--models", help="The file to check.")] = None,
    as_json: Json = False,
    url: Url = HERE,
    api_key: Key = None,
) -> None:
    """Show every model: depth, calls in flight, slots, workers, jobs that wait, rates, health."""
    if check:
        _check_models(file)
        return
    from .. import Client
    from .output.jobs import print_json, print_warnings
    from .output.tables import console_for_tables, models_table

    with Client(url, api_key=api_key) as client:
        views = client.models()
        print_warnings(client)
    if as_json:
        print_json([view.model_dump(mode="json") for view in views])
    else:
        console = console_for_tables()
        console.print(models_table(views, width=console.width))


def _check_models(given: Path | None) -> None:
    from pointsman.router.config.settings import load_settings
    from pointsman.router.routing.catalog import load_catalog

    file = load_settings(models_file=given).models_file
    catalog = load_catalog(file)
    sys.stdout.write(f"{file}: {len(catalog.models)} models, {len(catalog.task_classes)} classes\n")
