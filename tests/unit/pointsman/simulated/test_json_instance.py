"""The smallest instance of a JSON schema."""

from __future__ import annotations

import pytest

from pointsman.simulated.json_instance import instance_of


@pytest.mark.parametrize(
    ("schema", "instance"),
    [
        ({"const": 3}, 3),
        ({"enum": ["b", "a"]}, "b"),
        ({"type": "STRING"}, "[simulated]"),
        ({"type": "string", "maxLength": 3}, "[si"),
        ({"type": "string", "minLength": 13}, "[simulated].."),
        ({"type": "string", "format": "date"}, "2026-01-01"),
        ({"type": "integer", "minimum": 5}, 5),
        ({"type": "integer", "exclusiveMinimum": 0}, 1),
        ({"type": "integer", "maximum": -2}, -2),
        ({"type": "integer", "exclusiveMaximum": 0}, -1),
        ({"type": "integer", "minimum": 7, "multipleOf": 5}, 10),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, 0.5),
        ({"type": ["string", "null"]}, None),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 2}, [True, True]),
        ({"type": "array", "items": {"type": "boolean"}}, []),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, None),
        ({"oneOf": [{"type": "integer"}, {"type": "string"}]}, 0),
        ({"allOf": [{"properties": {"a": {"const": 1}}}, {"required": ["a"]}]}, {"a": 1}),
        ({"$ref": "#/$defs/x", "$defs": {"x": {"type": "boolean"}}}, True),
    ],
)  # fmt: skip
def test_the_smallest_instance_of_a_schema(schema: dict[str, object], instance: object) -> None:
    assert instance_of(schema) == instance


def test_a_schema_that_requires_itself_ends() -> None:
    assert instance_of({"type": "object", "properties": {"me": {"$ref": "#"}}, "required": ["me"]})["me"]
