"""Says in words what is wrong with a value, where pydantic would show a pattern or a type of its own."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, get_args

from pydantic import BaseModel

NO_FIELD = "there is no such field"

ALLOWED: Mapping[str, str] = MappingProxyType(
    {
        r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$": "at most 64 letters, digits and _ . -, a letter or digit first",
        r"^[A-Za-z0-9_-]{8,64}$": "8 to 64 letters, digits, _ and -",
        r"^[A-Za-z0-9_-]{1,64}$": "1 to 64 letters, digits, _ and -",
        r"^https?://": "a URL that begins with http:// or https://",
        r"^(https?://|data:image/[a-z0-9.+-]+;base64,)": "an http:// or https:// URL, or data:image/...;base64,...",
        r"^[A-Za-z_][A-Za-z0-9_]*$": "the name of an environment variable: letters, digits and _, no digit first",
        r"^$|^[A-Za-z0-9_.:-]*[:_.-]$": "nothing, or letters, digits and : _ . - with one of : _ - . at the end",
        r"^$|^[^:]+:.+$": "user:password",
        r"\S": "some text",
    }
)  # fmt: skip
"""What each pattern of a field allows."""


def did_you_mean(name: str, known: Collection[str]) -> str:
    """Return '; did you mean x?' where a known name is close, else nothing."""
    near = get_close_matches(name, known, n=1, cutoff=0.7)
    return f"; did you mean {near[0]}?" if near else ""


def in_words(mistake: Mapping[str, Any], known: Collection[str] = ()) -> str:
    """Return what is wrong, of one of pydantic's errors; `known` are the names that its field could have."""
    match mistake["type"]:
        case "extra_forbidden":
            return NO_FIELD + did_you_mean(str(mistake["loc"][-1]), known)
        case "missing":
            return "it is missing"
        case "string_pattern_mismatch":
            return f"expected {ALLOWED.get(mistake['ctx']['pattern'], 'another form')}"
        case _:
            return str(mistake["msg"]).removeprefix("Value error, ")


def names_at(kind: type[BaseModel], location: Sequence[int | str]) -> set[str]:
    """Return the names that the last part of a location could have: those of the model it stands in."""
    models = {kind}
    for part in location[:-1]:
        fields = [model.model_fields[part] for model in models if part in model.model_fields]
        if fields:  # a key, an index or the tag of a union stays where it is
            models = {found for field in fields for found in _models_in(field.annotation)}
    return {field.alias or name for model in models for name, field in model.model_fields.items()}


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)
