"""Makes of what the command line was given what the client takes: jobs, times, filters."""

from __future__ import annotations

import json
import sys
import time
from codecs import BOM_UTF8
from pathlib import Path
from typing import Any

from pointsman.producer.client.specs import DeadFields, make_spec
from pointsman.router.vocabulary.durations import seconds_of
from pointsman.router.vocabulary.errors import ConfigError, ErrorKind, InvalidJob
from pointsman.router.vocabulary.job import JobSpec


def moment(given: str | None) -> str | float | None:
    """Return a time for `not_before`: from now on where a duration was given."""
    if given is None:
        return None
    try:
        return time.time() + seconds_of(given)
    except ValueError:
        return given


def read_specs(prompt: str | None, file: Path | None, fields: dict[str, Any]) -> list[JobSpec]:
    """Return the one job of a prompt, or those of a file of JSON lines, with `fields` where a line says nothing."""
    if (prompt is None) == (file is None):
        raise ConfigError("give a prompt or --file, and only one of them")
    if prompt == "-":
        prompt = sys.stdin.read()
    if file is None:
        return [_spec({"prompt": prompt, **fields}, "")]
    try:
        content = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", file=str(file)) from error
    lines = content.removeprefix(BOM_UTF8).split(b"\n")
    specs = [_spec_line(line, number, file, fields) for number, line in enumerate(lines, 1) if line.strip()]
    if not specs:
        raise ConfigError("there are no lines in it", file=str(file))
    return specs


def _spec_line(line: bytes, number: int, file: Path, fields: dict[str, Any]) -> JobSpec:
    try:
        data = json.loads(line.decode())
    except ValueError as error:
        raise ConfigError(f"not JSON: {error}", file=str(file), line=number) from error
    if not isinstance(data, dict):
        raise ConfigError("expected an object with the fields of a job", file=str(file), line=number)
    return _spec({**fields, **data}, str(file), number)


def _spec(fields: dict[str, Any], file: str, line: int | None = None) -> JobSpec:
    try:
        return make_spec(fields, {})
    except InvalidJob as error:
        raise ConfigError(str(error), file=file, line=line) from error


def dead_fields(
    kind: list[ErrorKind] | None, since: float | None, model: str | None, task_class: str | None
) -> DeadFields:
    """Return what dead letters are chosen by, and nothing for what was not said; raises ConfigError."""
    which: DeadFields = {}
    if kind:
        which["kind"] = kind
    if since is not None:
        which["since"] = time.time() - since
    if model is not None:
        which["model"] = model
    if task_class is not None:
        which["task_class"] = task_class
    return which
