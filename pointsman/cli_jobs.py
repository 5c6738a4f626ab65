"""Commands that use a running Pointsman: submit, result, wait, cancel, models."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import Progress

from producer import Client
from router.catalog import load_catalog
from router.errors import ConfigError
from router.job import JobError, JobRecord, JobSpec
from router.settings import load_settings

from .tables import console_for_tables, models_table, results_table

Url = Annotated[
    str,
    typer.Option(envvar="POINTSMAN_URL", help="The producer API, or the URL of Redis to go straight there."),
]
Key = Annotated[
    str | None, typer.Option("--api-key", envvar="POINTSMAN_API_KEY", help="API key, where one is needed.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
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
    expires_in: Annotated[float | None, typer.Option(help="Seconds the job may take, retries included.")] = None,
    idempotency_key: Annotated[str | None, typer.Option(help="The same key again returns the first job.")] = None,
    strategy: Annotated[list[str] | None, typer.Option(help="In place of the class's; may be repeated.")] = None,
    metric: Annotated[str | None, typer.Option(help="What matters, for model_aware: speed, accuracy, ...")] = None,
    affinity_key: Annotated[str | None, typer.Option(help="Key for consistent_hash; default: the prompt.")] = None,
    max_cost_usd: Annotated[float | None, typer.Option(help="The most that one call may cost.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait, and print the answer.")] = False,
    as_json: Json = False,
    url: Url = HERE,
    api_key: Key = None,
) -> None:
    """Submit a job, or a file of jobs; prints each job's id."""
    fields = {
        "task_class": task_class, "model": model, "system": system, "priority": priority, "expires_in": expires_in,
        "idempotency_key": idempotency_key, "strategy": tuple(strategy or ()), "metric": metric,
        "affinity_key": affinity_key, "max_cost_usd": max_cost_usd,
    }  # fmt: skip
    specs = _specs(prompt, file, fields)
    with Client(url, api_key=api_key) as client:
        ids = client.submit_many(specs)
        if not wait:
            sys.stdout.write("".join(f"{job_id}\n" for job_id in ids))
            return
        _tell_warnings(client)
        records = _wait_for(client, ids, None)
    _print_records(records, as_json=as_json)


def result(
    job_id: Annotated[str, typer.Argument(help="The job's id.")],
    as_json: Json = False,
    url: Url = HERE,
    api_key: Key = None,
) -> None:
    """Print what is known of a job now: its answer, its error, or where it waits. Does not wait."""
    with Client(url, api_key=api_key) as client:
        record = client.get(job_id)
    _print_records([record], as_json=as_json)


def wait(
    job_ids: Annotated[list[str], typer.Argument(help="Ids of jobs; '-' reads them from standard input.")],
    timeout: Annotated[float | None, typer.Option(help="Seconds to wait at most.")] = None,
    as_json: Json = False,
    url: Url = HERE,
    api_key: Key = None,
) -> None:
    """Wait for jobs to end and print their results; status 1 when one did not succeed, 3 on a timeout."""
    ids = sys.stdin.read().split() if job_ids == ["-"] else job_ids
    with Client(url, api_key=api_key) as client:
        _tell_warnings(client)
        try:
            records = _wait_for(client, ids, timeout)
        except TimeoutError:
            sys.stderr.write(f"pointsman: not all of the jobs ended within {timeout:g} s\n")
            raise typer.Exit(3) from None
    _print_records(records, as_json=as_json)


def cancel(
    job_ids: Annotated[list[str], typer.Argument(help="Ids of jobs.")],
    url: Url = HERE,
    api_key: Key = None,
) -> None:
    """Cancel jobs, wherever they are; a running call is stopped at once."""
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
        settings = load_settings()
        catalog = load_catalog(settings.models_file)
        sys.stdout.write(
            f"{settings.models_file}: {len(catalog.models)} models, {len(catalog.task_classes)} classes\n"
        )
        return
    with Client(url, api_key=api_key) as client:
        views = client.models()
        _tell_warnings(client)
    if as_json:
        _print_json([view.model_dump(mode="json") for view in views])
    else:
        console = console_for_tables()
        console.print(models_table(views, width=console.width))


def _tell_warnings(client: Client) -> None:
    for warning in client.warnings():
        sys.stderr.write(f"warning: {warning}\n")


def _specs(prompt: str | None, file: Path | None, fields: dict[str, Any]) -> list[JobSpec]:
    if (prompt is None) == (file is None):
        raise ConfigError("give a prompt or --file, and only one of them")
    if prompt == "-":
        prompt = sys.stdin.read()
    if file is None:
        return [_spec({"prompt": prompt, **fields}, "")]
    try:
        lines = (sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")).splitlines()
    except OSError as error:
        raise ConfigError(f"can not be read: {error.strerror}", file=str(file)) from error
    return [_spec_line(line, number, file, fields) for number, line in enumerate(lines, 1) if line.strip()]


def _spec_line(line: str, number: int, file: Path, fields: dict[str, Any]) -> JobSpec:
    try:
        data = json.loads(line)
    except ValueError as error:
        raise ConfigError(f"not JSON: {error}", file=str(file), line=number) from error
    if not isinstance(data, dict):
        raise ConfigError("expected an object with the fields of a job", file=str(file), line=number)
    return _spec({**fields, **data}, str(file), number)


def _spec(fields: dict[str, Any], file: str, line: int | None = None) -> JobSpec:
    try:
        return JobSpec.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"]))
        raise ConfigError(first["msg"].removeprefix("Value error, "), file=file, line=line, field=field) from error


def _wait_for(client: Client, ids: list[str], timeout: float | None) -> list[JobRecord]:
    if len(ids) == 1 or not sys.stderr.isatty():
        return client.wait(ids, timeout=timeout)
    found: dict[str, JobRecord] = {}
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("waiting", total=len(ids))
        for record in client.as_finished(ids, timeout=timeout):
            found[record.id] = record
            progress.advance(bar)
    return [found[job_id] for job_id in ids]


def _print_records(records: list[JobRecord], *, as_json: bool) -> None:
    if as_json:
        _print_json([record.summary() for record in records])
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


def _print_json(data: Any) -> None:
    sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False) + "\n")
