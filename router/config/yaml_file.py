"""Reads a YAML file into a pydantic model, so that each mistake is reported with its file, line and field."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError

from ..vocabulary.errors import ConfigError, all_of
from ..vocabulary.mistakes import in_words, names_at

Value = TypeVar("Value", bound=BaseModel)

NO_HINTS: Mapping[str, str] = MappingProxyType({})
Misplaced = tuple[tuple[int | str, ...], str]
"""Where in a file a mistake is, and what it is."""


def nothing_between(_: Mapping[Any, Any]) -> Iterable[Misplaced]:
    """Find nothing wrong between the parts of a file."""
    return ()


def load_yaml(
    path: Path,
    kind: type[Value],
    *,
    missing: str = "",
    unknown: Mapping[str, str] = NO_HINTS,
    between: Callable[[Mapping[Any, Any]], Iterable[Misplaced]] = nothing_between,
) -> Value:
    """Return the file's content as `kind`; raises ConfigError with file, line and field of every mistake.

    `missing` says what to do when there is no file, `unknown` what is meant instead of a field by that name.
    Validators of the whole file do not run where one of its fields is wrong; then `between` tells what they would.
    """
    text = _read(path, missing)
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        data = _UniqueKeys(text).get_single_data()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise ConfigError(f"not valid YAML: {error.problem}", file=str(path), line=line) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(f"not valid YAML: {error.reason}", file=str(path), line=line) from error
    if not isinstance(data, dict):
        raise ConfigError("expected a mapping at the top of the file", file=str(path), line=1)
    try:
        return kind.model_validate(data, context={"folder": path.parent})
    except ValidationError as error:
        # Not `from error`: pydantic's message quotes the input, and that may be a key someone put into the file.
        found = list(_placed(error, kind, unknown))
        if not any(mistake["type"] == "misplaced" for mistake in error.errors()):
            found += between(data)
        mistakes = [
            ConfigError(words, file=str(path), line=_line_of(tree, location), field=_field(location))
            for location, words in dict.fromkeys(found)
        ]
        raise all_of(sorted(mistakes, key=lambda mistake: mistake.line or 0)) from None


def misplaced(found: Iterable[Misplaced]) -> PydanticCustomError:
    """Return an error for a validator of the whole file to raise, which knows better than pydantic where it is."""
    mistakes = tuple(found)
    words = "; ".join(f"{_field(location)}: {mistake}" for location, mistake in mistakes)
    return PydanticCustomError("misplaced", "{words}", {"words": words, "mistakes": mistakes})


class _UniqueKeys(yaml.SafeLoader):
    """A safe loader that refuses a key given twice, where PyYAML would silently keep the last.

    A date stays text: `anthropic_version: 2023-06-01` needs no quotes.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a key must be plain text", problem_mark=key.start_mark)
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"{key.value!r} stands here twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


_UniqueKeys.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _read(path: Path, missing: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        message = "; ".join(part for part in ("the file does not exist", missing) if part)
        raise ConfigError(message, file=str(path)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", file=str(path)) from error


def _placed(error: ValidationError, kind: type[BaseModel], unknown: Mapping[str, str]) -> Iterator[Misplaced]:
    for mistake in error.errors(include_url=False):
        location = mistake["loc"]
        if mistake["type"] == "misplaced":
            yield from mistake["ctx"]["mistakes"]
        elif mistake["type"] == "extra_forbidden" and str(location[-1]) in unknown:
            yield location, unknown[str(location[-1])]
        else:
            yield location, in_words(mistake, names_at(kind, location))


def _field(location: Sequence[int | str]) -> str:
    return ".".join(str(part) for part in location if part != "[key]")


def _line_of(node: yaml.Node | None, location: Sequence[int | str]) -> int | None:
    """Return the line, from 1, of the deepest part of `location` that stands in the file."""
    line = None
    for part in location:
        if isinstance(part, int) and not isinstance(node, yaml.SequenceNode):
            continue  # one value may stand where a list is meant
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
