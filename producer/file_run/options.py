"""The options of a run: where its files are, how much is in flight, and what all lines have in common."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pointsman.router.vocabulary.errors import ConfigError

from ..client.specs import JobFields
from ..client.window import WINDOW

Input = Path | str


class BatchFields(JobFields, total=False):
    """How a batch is run, and fields that all its lines have unless they say otherwise.

    `errors` is the file of the lines without an answer, by default beside the output. `strict` checks all lines
    before any is sent. `restart` begins anew what was interrupted, or is done, and pays again.
    """

    errors: Path | str | None
    window: int
    strict: bool
    restart: bool


@dataclass(frozen=True)
class Files:
    """The files of one run."""

    output: Path
    errors: Path

    @property
    def journal(self) -> Path:
        """Where ended lines are kept until all have ended."""
        return self.output.with_name(f"{self.output.name}.part")


@dataclass(frozen=True)
class RunOptions:
    """How a run is done, without the fields of its lines."""

    window: int = WINDOW
    strict: bool = False
    restart: bool = False


def sort_out(fields: BatchFields) -> tuple[RunOptions, Path | None, JobFields]:
    """Return what concerns the run, its file of failures, and the fields of its lines."""
    given: dict[str, Any] = dict(fields)
    errors = given.pop("errors", None)
    named = {name: given.pop(name) for name in ("window", "strict", "restart") if name in given}
    return RunOptions(**named), None if errors is None else Path(errors), JobFields(**given)  # type: ignore[typeddict-item] # Typer has checked each value


def files_of(source: Path | None, output: Path | str | None, errors: Path | None) -> Files:
    """Return where a run writes: `x.jsonl` becomes `x.results.jsonl`, failures go to `x.results.failed.jsonl`."""
    if output is None:
        if source is None:
            raise ConfigError("jobs that come from no file need an output", field="output")
        output = source.with_name(f"{source.stem}.results.jsonl")
    output = Path(output)
    if output == Path("-"):
        raise ConfigError("only the command line writes to standard output; name a file", field="output")
    files = Files(output, errors or output.with_name(f"{output.stem}.failed{output.suffix}"))
    if not output.parent.is_dir():
        raise ConfigError("there is no such folder", file=str(output.parent))
    paths = [path.resolve() for path in (files.output, files.errors, files.journal, *([source] if source else []))]
    if len(set(paths)) < len(paths):
        raise ConfigError("input, output and failures must be different files", file=str(source or output))
    return files
