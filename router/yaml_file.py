"""Reads a YAML file into a pydantic model, so that each mistake is told with its file, line and field."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from .errors import ConfigError

Value = TypeVar("Value", bound=BaseModel)


def load_yaml(path: Path, kind: type[Value]) -> Value:
    """Return the file's content as `kind`; raises ConfigError with file, line and field."""
    text = _read(path)
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        data = _UniqueKeys(text).get_single_data()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise ConfigError(f"not valid YAML: {error.problem}", file=str(path), line=line) from error
    if not isinstance(data, dict):
        raise ConfigError("expected a mapping at the top of the file", file=str(path), line=1)
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        raise _first_mistake(error, path, tree) from error


class _UniqueKeys(yaml.SafeLoader):
    """A safe loader that refuses a key given twice, where PyYAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"{key.value!r} stands here twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        hint = "the file does not exist; set POINTSMAN_MODELS_FILE or pass --models"
        raise ConfigError(hint, file=str(path)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"can not be read: {error}", file=str(path)) from error


def _first_mistake(error: ValidationError, path: Path, tree: yaml.Node | None) -> ConfigError:
    first = error.errors(include_url=False)[0]
    place: Sequence[int | str] = first["loc"]
    message = first["msg"].removeprefix("Value error, ")
    if not place and ": " in message:
        dotted, message = message.split(": ", 1)
        place = tuple(dotted.split("."))
    if first["type"] == "extra_forbidden":
        message = "no such field"
    more = error.error_count() - 1
    if more:
        message += f" (and {more} more)"
    field = ".".join(str(part) for part in place if part != "[key]")
    return ConfigError(message, file=str(path), line=_line_of(tree, place), field=field)


def _line_of(node: yaml.Node | None, place: Sequence[int | str]) -> int | None:
    """Return the line, from 1, of the deepest part of `place` that stands in the file."""
    line = None
    for part in place:
        child = _child(node, part)
        if child is None:
            break
        line, node = child
    return line if line is not None else 1


def _child(node: yaml.Node | None, part: int | str) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        item = node.value[part]
        return item.start_mark.line + 1, item
    return None
