"""The smallest JSON value that fits a JSON schema, as far as structured output uses schemas."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .mark import MARK

Schema = Mapping[str, Any]

_DEEPEST = 32
"""A schema that requires itself has no instance; below this depth the answer is null."""

_FORMATS = {
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "time": "00:00:00Z",
    "email": "simulated@example.com",
    "uri": "https://example.com/simulated",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def instance_of(schema: Schema, *, root: Schema | None = None, depth: int = 0) -> Any:
    """Return the smallest value for `schema`: required properties only, fewest items, lowest numbers.

    Knows $ref within the schema, const, enum, anyOf, oneOf, allOf, type, format, length and number bounds;
    `pattern` and `not` are ignored.
    """
    root = schema if root is None else root
    schema = _resolved(schema, root)
    if depth > _DEEPEST:
        return None
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    return _of_type(_type_of(schema), schema, root, depth)


def _resolved(schema: Schema, root: Schema) -> Schema:
    """Follow references and take one branch of each choice, so that what is left has a plain type."""
    for _ in range(_DEEPEST):
        if "$ref" in schema:
            schema = {**_referred(schema["$ref"], root), **_without(schema, "$ref")}
        elif schema.get("allOf"):
            schema = _merged(schema)
        elif choice := schema.get("anyOf") or schema.get("oneOf"):
            schema = {**_without(schema, "anyOf", "oneOf"), **_smallest(choice)}
        else:
            break
    return schema


def _without(schema: Schema, *keys: str) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key not in keys}


def _referred(ref: str, root: Schema) -> Schema:
    found: Any = root
    for part in ref.removeprefix("#").strip("/").split("/"):
        if part:
            found = found[part.replace("~1", "/").replace("~0", "~")]
    return found if isinstance(found, Mapping) else {}


def _merged(schema: Schema) -> dict[str, Any]:
    merged = _without(schema, "allOf")
    for part in schema["allOf"]:
        properties = {**merged.get("properties", {}), **part.get("properties", {})}
        required = [*merged.get("required", ()), *part.get("required", ())]
        merged = {**merged, **part, "properties": properties, "required": required}
    return merged


def _smallest(choices: list[Schema]) -> Schema:
    return next((choice for choice in choices if choice.get("type") == "null"), choices[0])


def _type_of(schema: Schema) -> str:
    """Return the plain type, in lower case: Gemini's own schemas write it in capitals."""
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = "null" if "null" in kind else kind[0]
    if kind is None:
        kind = "object" if "properties" in schema else "array" if "items" in schema else "string"
    return str(kind).lower()


def _of_type(kind: str, schema: Schema, root: Schema, depth: int) -> Any:
    match kind:
        case "object":
            return _object(schema, root, depth)
        case "array":
            # Gemini's schemas write counts as text.
            count = int(schema.get("minItems", 0))
            return [instance_of(schema.get("items", {}), root=root, depth=depth + 1) for _ in range(count)]
        case "string":
            return _string(schema)
        case "integer" | "number":
            return _number(schema, whole=kind == "integer")
        case "boolean":
            return True
        case _:
            return None


def _object(schema: Schema, root: Schema, depth: int) -> dict[str, Any]:
    properties = schema.get("properties", {})
    return {
        name: instance_of(properties.get(name, {}), root=root, depth=depth + 1)
        for name in schema.get("required", ())
    }


def _string(schema: Schema) -> str:
    text = _FORMATS.get(schema.get("format", ""), MARK).ljust(int(schema.get("minLength", 0)), ".")
    return text[: int(schema["maxLength"])] if "maxLength" in schema else text


def _number(schema: Schema, *, whole: bool) -> int | float:
    """Return 0 where it fits, else the multiple nearest to a bound, else the middle of the bounds."""
    step = schema.get("multipleOf", 1)
    low = max(schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf))
    high = min(schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf))
    exclusive_bounds = (schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum"))
    tries: list[float] = [0]
    if math.isfinite(low):
        tries += [math.ceil(low / step) * step, (math.floor(low / step) + 1) * step]
    if math.isfinite(high):
        tries += [math.floor(high / step) * step, (math.ceil(high / step) - 1) * step]
    fits = (value for value in tries if low <= value <= high and value not in exclusive_bounds)
    value = next(fits, (low + high) / 2)
    return int(value) if whole else value
