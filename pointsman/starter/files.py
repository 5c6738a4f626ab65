"""Writes the files of a new folder, and replaces none that is there unless told to."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pointsman.router.routing.models_schema import models_schema
from pointsman.router.vocabulary.errors import ConfigError

from .env_text import env_text
from .machine import Machine
from .models_text import SCHEMA_FILE, models_text

ENV = ".env"


@dataclass(frozen=True)
class Written:
    """What has become of each file, and the models that models.yaml names if it was written."""

    files: Mapping[str, str]
    models: tuple[str, ...]


def write_files(folder: Path, machine: Machine, environment: Mapping[str, str], *, force: bool) -> Written:
    """Write models.yaml, its schema and .env; raises ConfigError where that cannot be done.

    A file that is there stays, or with `force` gets the ending .old; .env always stays, since it may hold keys.
    """
    text, models = models_text(machine)
    texts = {
        "models.yaml": text,
        SCHEMA_FILE: json.dumps(models_schema(), indent=2) + "\n",
        ENV: env_text(machine, environment),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files = {
            name: _write(folder / name, content, force=force and name != ENV) for name, content in texts.items()
        }
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror or error}", file=str(error.filename)) from error
    return Written(files, tuple(models))


def _write(path: Path, content: str, *, force: bool) -> str:
    if path.exists() or path.is_symlink():
        if not force:
            return "kept"
        path.replace(path.with_name(f"{path.name}.old"))
    private = 0o600 if path.name == ENV else 0o666
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, private), "w", encoding="utf-8") as file:
        file.write(content)
    return "wrote"
