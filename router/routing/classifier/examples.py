"""Reads example prompts: the ready ones that ship with Pointsman, and JSON Lines files of the user's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

READY = Path(__file__).parents[1] / "task_classes"
"""One JSON Lines file for each ready task class, `<class>.jsonl`."""


def ready_classes() -> tuple[str, ...]:
    """Return the names of the classes that ship with example prompts."""
    return tuple(sorted(path.stem for path in READY.glob("*.jsonl")))


def ready_prompts(name: str) -> tuple[str, ...]:
    """Return the prompts that ship for a class; raises ValueError when there are none."""
    if name not in ready_classes():
        raise ValueError(f"no examples ship for a class {name!r} (there are: {', '.join(ready_classes())})")
    return read_prompts(READY / f"{name}.jsonl", task_class=name)


def read_prompts(path: Path, *, task_class: str) -> tuple[str, ...]:
    """Return the prompts of one class; a row without `task_class` counts for every class that reads the file.

    Raises ValueError, with the file and line, when the file cannot be read or holds nothing for the class.
    """
    prompts = tuple(prompt for prompt, label in read_rows(path) if label in (None, task_class))
    if not prompts:
        raise ValueError(f"{path}: no example for the class {task_class!r}")
    return prompts


def read_rows(path: Path) -> Iterator[tuple[str, str | None]]:
    """Yield prompt and task class (None where the row names none) of each row of a JSON Lines file."""
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")  # not splitlines: JSON may hold U+2028 as it is
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _row(line, f"{path}, line {number}")


def _row(line: str, location: str) -> tuple[str, str | None]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise ValueError(f"{location}: not JSON: {error}") from error
    prompt, label = (row.get("prompt"), row.get("task_class")) if isinstance(row, dict) else (None, None)
    if not isinstance(prompt, str) or not prompt.strip():
        raise ValueError(f'{location}: expected an object with a text "prompt"')
    if label is not None and not isinstance(label, str):
        raise ValueError(f'{location}: "task_class" must be a text')
    return prompt, label
