"""Commands for a new folder: init writes what it needs, schema prints what models.yaml may hold."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def init(
    folder: Annotated[Path, typer.Argument(help="Where to write; default: this folder.")] = Path(),
    force: Annotated[
        bool, typer.Option("--force", help="Replace a models.yaml that is there; it is kept with the ending .old.")
    ] = False,
) -> None:
    """Write models.yaml, its schema and .env, from the API keys and LLM servers that are found on this machine."""
    from pointsman.workers.api_keys import environment

    from ..starter import write_files
    from ..starter.machine import look_around
    from .output.init import init_words

    known = environment()
    machine = look_around(known)
    sys.stdout.write(init_words(machine, write_files(folder, machine, known, force=force), folder))


def schema() -> None:
    """Print the JSON schema of models.yaml, by which an editor completes and checks it."""
    from pointsman.router.routing.models_schema import models_schema

    from .output.jobs import print_json

    print_json(models_schema())
