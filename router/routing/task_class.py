"""The signs by which jobs of a task class are recognised, as models.yaml gives them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from ..vocabulary.frozen import Frozen
from ..vocabulary.job import Name
from .classifier import read_prompts, ready_prompts

READY = "builtin"
FEWEST_EXAMPLES = 5
"""Fewer examples of a class cannot be split into folds, which the calibration of the confidence needs."""


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return pattern


Text = Annotated[str, Field(pattern=r"\S")]
Regex = Annotated[Text, AfterValidator(_compiles)]


class TaskClassRules(Frozen):
    """What tells a job of this class: keywords, then rules (regular expressions), then example prompts.

    The entry `builtin` of `examples` stands for the prompts that ship for a class of this name, `builtin:code` for
    those of the class `code`. `examples_file` names a JSON Lines file; the value here is the prompts read from it,
    so that a catalog is complete without the file.
    """

    name: Name
    keywords: tuple[Text, ...] = ()
    rules: tuple[Regex, ...] = ()
    examples: tuple[Text, ...] | None = Field(default=None, min_length=1)
    examples_file: tuple[str, ...] | None = Field(default=None, min_length=1)

    @field_validator("examples", mode="before")
    @classmethod
    def _ready_alone_is_a_list(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        if not _is_ready(value):
            raise ValueError(f"expected a list of prompts, or {READY!r}")
        return (value,)

    @field_validator("examples")
    @classmethod
    def _ready_examples_exist(cls, value: tuple[str, ...] | None, info: ValidationInfo) -> tuple[str, ...] | None:
        for entry in value or ():
            if _is_ready(entry):
                ready_prompts(_ready_name(entry, info.data.get("name", "")))
        return value

    @field_validator("examples_file", mode="before")
    @classmethod
    def _read(cls, value: object, info: ValidationInfo) -> object:
        """Read the file, whose path counts from the folder of the file that names it."""
        if not isinstance(value, str):
            return value
        folder: Path = (info.context or {}).get("folder", Path())
        return read_prompts(folder / value, task_class=info.data.get("name", ""))

    def prompts(self) -> tuple[str, ...]:
        """Return all example prompts of the class, each once."""
        found: list[str] = []
        for entry in self.examples or ():
            found += ready_prompts(_ready_name(entry, self.name)) if _is_ready(entry) else (entry,)
        return tuple(dict.fromkeys((*found, *(self.examples_file or ()))))


class ClassifierOptions(Frozen):
    """How sure the text classifier must be (0 to 1); below, a job gets the default class."""

    threshold: float = Field(default=0.4, ge=0, le=1)


def lacking_examples(classes: Mapping[str, TaskClassRules]) -> Iterator[tuple[str, str, str]]:
    """Yield class, field and mistake where examples cannot teach a classifier."""
    taught = {name: count for name, task_class in classes.items() if (count := len(task_class.prompts()))}
    for name, count in taught.items():
        field = "examples" if classes[name].examples else "examples_file"
        if len(taught) == 1:
            yield name, field, "only this class has examples: a classifier needs those of two classes at least"
        elif count < FEWEST_EXAMPLES:
            yield name, field, f"{count} examples are too few: give {FEWEST_EXAMPLES} at least, 40 are good"


def _is_ready(entry: str) -> bool:
    return entry == READY or entry.startswith(f"{READY}:")


def _ready_name(entry: str, own: str) -> str:
    return entry.partition(":")[2] or own
