"""The commands for files of jobs: batch run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .jobs import HERE, ExpiresIn, Json, Key, Url

batch = typer.Typer(name="batch", no_args_is_help=True, help="Run files of jobs.")

Input = Annotated[str, typer.Argument(help="JSON Lines: OpenAI's batch lines, jobs, prompts; '-': standard input.")]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", help="Where results go, '-': standard output; default: x.results.jsonl for x.jsonl."
    ),
]
Errors = Annotated[
    Path | None, typer.Option(help="Where lines without an answer go; default: <output>.failed.jsonl.")
]
TaskClass = Annotated[str | None, typer.Option("--class", help="Task class of lines that have neither.")]
Model = Annotated[str | None, typer.Option(help="Model or alias of lines that have neither model nor class.")]
System = Annotated[str | None, typer.Option(help="System prompt of lines with a prompt alone.")]
Priority = Annotated[int, typer.Option(min=0, max=9, help="0 to 9, 9 first.")]
Strategy = Annotated[list[str] | None, typer.Option(help="In place of the class's; may be repeated.")]
Metric = Annotated[str | None, typer.Option(help="What matters, for model_aware: speed, accuracy, ...")]
MaxCost = Annotated[float | None, typer.Option(help="The most that one call may cost.")]
Window = Annotated[int, typer.Option(min=1, help="Jobs in flight at a time.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Send nothing: show classes, models, tokens, price, time.")]
Strict = Annotated[bool, typer.Option("--strict", help="Send nothing where one of the lines is wrong.")]
Restart = Annotated[bool, typer.Option("--restart", help="Begin anew, and pay again for what is done.")]
Cancel = Annotated[bool, typer.Option("--cancel", help="Cancel what an interrupted run has in flight.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]


@batch.command()
def run(
    file: Input,
    output: Output = None,
    errors: Errors = None,
    task_class: TaskClass = None,
    model: Model = None,
    system: System = None,
    priority: Priority = 3,
    expires_in: ExpiresIn = None,
    strategy: Strategy = None,
    metric: Metric = None,
    max_cost_usd: MaxCost = None,
    window: Window = 4000,
    dry_run: DryRun = False,
    strict: Strict = False,
    restart: Restart = False,
    cancel: Cancel = False,
    quiet: Quiet = False,
    as_json: Json = False,
    url: Url = HERE,
    api_key: Key = None,
) -> None:
    """Run a file of jobs and write the results in its order; the same command goes on where one was stopped.

    Exit status: 0 all lines succeeded, 1 some did not, 2 wrong use, 130 Ctrl-C.
    """
    from .file_run import BatchCommand, Show, cancel_run, run_batch, show_estimate

    fields = {
        "task_class": task_class, "model": model, "system": system, "priority": priority, "expires_in": expires_in,
        "strategy": tuple(strategy or ()), "metric": metric, "max_cost_usd": max_cost_usd, "errors": errors,
    }  # fmt: skip
    command = BatchCommand(url, api_key, file, output, fields, Show(quiet=quiet, as_json=as_json))
    if dry_run:
        show_estimate(command)
    elif cancel:
        cancel_run(command)
    else:
        run_batch(command, window=window, strict=strict, restart=restart)
