"""Carries out `pointsman batch run`: runs a file of jobs, shows how far it is, and says how it ended."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TextIO

import typer

from pointsman.producer.client.progress import Progress
from pointsman.producer.file_run import BatchSummary
from pointsman.router.vocabulary.errors import ConfigError

from .. import Client
from .output.estimate import estimate_table, estimate_words
from .output.file_run import summary_words
from .output.file_run_progress import showing
from .output.jobs import print_json, print_warnings
from .output.tables import console_for_tables

STDOUT = Path("-")
STDIN = "standard input"
KEPT = "the same command finds the same jobs again, and makes none anew while they are kept"


@dataclass(frozen=True)
class Show:
    """How much is shown, and for whom."""

    quiet: bool
    as_json: bool


@dataclass(frozen=True)
class BatchCommand:
    """What the command line was given: where to go, the files, and fields of the run and of its lines."""

    url: str
    api_key: str | None
    file: str
    output: Path | None
    fields: Mapping[str, Any]
    show: Show

    @property
    def to_stdout(self) -> bool:
        """Whether the results go to standard output."""
        return self.output == STDOUT

    def client(self) -> Client:
        """Return a client."""
        return Client(self.url, api_key=self.api_key)


def run_batch(command: BatchCommand, *, window: int, strict: bool, restart: bool) -> None:
    """Run a file; ends with status 1 where a line has no answer, 130 where it was interrupted."""
    if command.to_stdout and command.show.as_json:
        raise ConfigError("--json and --output - would both write to standard output; leave one of them out")
    with _path(command) as path, _output(command) as output, command.client() as client:
        if not command.show.quiet:
            print_warnings(client)
        with showing(Path(command.file).name, client, quiet=command.show.quiet) as shown:
            try:
                summary = client.batch(
                    path, output, progress=shown.update, window=window, strict=strict, restart=restart,
                    **command.fields,
                )  # fmt: skip
            except KeyboardInterrupt:
                shown.close()
                sys.stderr.write(_interrupted(shown.last, kept=not command.to_stdout))
                raise typer.Exit(130) from None
    if command.to_stdout:
        summary = replace(summary, output=STDOUT, errors=command.fields["errors"] and summary.errors)
    _print_summary(summary, command.show)
    raise typer.Exit(1 if summary.failed else 0)


def cancel_run(command: BatchCommand) -> None:
    """Cancel what an interrupted run has in flight."""
    if command.to_stdout:
        raise ConfigError("what went to standard output was not kept, so that nothing can be cancelled by its file")
    with _path(command) as path, command.client() as client:
        count = client.cancel_batch(path, command.output, **command.fields)
    sys.stdout.write(f"{count} jobs are cancelled\n")


def show_estimate(command: BatchCommand) -> None:
    """Show what a run is expected to take; nothing is sent."""
    with _path(command, needs_output=False) as path, command.client() as client:
        found = client.estimate_batch(path, **command.fields)
    if command.show.as_json:
        print_json(asdict(found))
        return
    sys.stdout.write(estimate_words(found))
    console_for_tables().print(estimate_table(found))


@contextmanager
def _path(command: BatchCommand, *, needs_output: bool = True) -> Iterator[Path]:
    """Yield the file; standard input becomes one, so that it can be read again."""
    if command.file != "-":
        yield Path(command.file)
        return
    if needs_output and command.output is None:
        raise ConfigError("what comes from standard input needs an --output")
    with tempfile.NamedTemporaryFile("wb", prefix="batch-", suffix=".jsonl") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
        file.flush()
        try:
            yield Path(file.name)
        except ConfigError as error:
            if error.file != file.name:
                raise
            raise ConfigError(error.message, file=STDIN, line=error.line, field=error.field) from error


@contextmanager
def _output(command: BatchCommand) -> Iterator[Path | None]:
    """Yield where results are written: for standard output, a file that is copied there at the end.

    Lines without an answer then go to standard error, unless --errors names a file for them.
    """
    if not command.to_stdout:
        yield command.output
        return
    with tempfile.TemporaryDirectory(prefix="batch-") as folder:
        results = Path(folder, "results.jsonl")
        yield results
        _print_file(results, sys.stdout, "standard output")
        _print_file(results.with_name("results.failed.jsonl"), sys.stderr, "standard error")


def _print_file(file: Path, stream: TextIO | None, name: str) -> None:
    """Copy what there is of a file; raises ConfigError where the stream does not take it."""
    if not file.exists():
        return
    if stream is None:
        raise ConfigError(f"it is closed; {KEPT}", file=name)
    try:
        with file.open("rb") as source:
            shutil.copyfileobj(source, stream.buffer)
        stream.flush()
    except BrokenPipeError:
        raise  # who reads has seen enough: typer ends without a word
    except OSError as error:
        with suppress(OSError):
            stream.close()  # else Python tries once more to write what it holds, and says so
        raise ConfigError(f"cannot be written: {error.strerror}; {KEPT}", file=name) from error


def _print_summary(summary: BatchSummary, show: Show) -> None:
    if show.as_json:
        files = {"output": str(summary.output), "errors": str(summary.errors) if summary.errors else None}
        print_json({**asdict(summary), **files})
    elif not show.quiet or summary.failed:
        sys.stderr.write(summary_words(summary))


def _interrupted(last: Progress | None, *, kept: bool) -> str:
    if last is None or not last.submitted:
        return "interrupted before anything was sent\n"
    ended = f"interrupted: {last.ended} of {last.total} lines have ended"
    flying = last.submitted - last.ended
    going = f"; {flying} jobs are submitted and go on by themselves" if flying else ""
    if not kept:
        return f"{ended}{going}.\nNothing is kept of what goes to standard output: a file as --output is.\n"
    on = "The same command goes on from here; with --cancel it cancels what is in flight."
    return f"{ended} and are kept{going}.\n{on}\n"
