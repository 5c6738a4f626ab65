"""The outline of the bodies that vendors' endpoints take, from the same tables that refuse what they do not.

What stands inside of messages, items and tools is the vendors' to describe; docs/http-api.md says what is taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pointsman.router.vocabulary.chat import ChatRequest
from pointsman.router.vocabulary.job import JobSpec

from ....vendor_apis.anthropic import MESSAGES
from ....vendor_apis.openai import CHAT, RESPONSES, Parameters
from ....vendor_apis.request import OURS

Schema = Mapping[str, Any]

REF = "#/components/schemas/{model}"
NULL: Schema = {"type": "null"}
TEXT: Schema = {"type": "string"}
OBJECT: Schema = {"type": "object"}
OBJECTS: Schema = {"type": "array", "items": OBJECT}
TYPED: Schema = {**OBJECT, "required": ["type"]}


def _message(*roles: str) -> Schema:
    properties = {"role": {"enum": list(roles)}, "content": {"anyOf": [TEXT, OBJECTS]}}
    return {"type": "object", "required": list(properties), "properties": properties}


def _some(*items: Schema) -> Schema:
    return {"type": "array", "items": {"anyOf": list(items)}, "minItems": 1}


_CHAT: Schema = ChatRequest.model_json_schema(ref_template=REF)["properties"]
_JOB: Schema = JobSpec.model_json_schema(ref_template=REF)["properties"]

SHARED: Schema = {
    **_CHAT,
    "model": {**TEXT, "description": "A model, an alias, a task class, or auto."},
    "messages": _some({"$ref": REF.format(model="Message")}, _message("developer")),
    "max_completion_tokens": _CHAT["max_tokens"],
    "max_output_tokens": _CHAT["max_tokens"],
    "metadata": _JOB["metadata"],
    "stream": {"type": "boolean"},
    "stream_options": {
        **OBJECT,
        "properties": {name: {"type": ["boolean", "null"]} for name in ("include_usage", "include_obfuscation")},
        "additionalProperties": False,
    },
    "pointsman": {
        **OBJECT,
        "properties": {name: _JOB[name] for name in sorted(OURS)},
        "additionalProperties": False,
    },
}
"""What parameters of the same name mean in every body."""

CHAT_KNOWN: Schema = {**SHARED, "stop": {"anyOf": [TEXT, _CHAT["stop"]]}}
RESPONSE_KNOWN: Schema = {
    **SHARED,
    "input": {"anyOf": [TEXT, _some(_message("user", "assistant", "system", "developer"), TYPED)]},
    "instructions": TEXT,
    "reasoning": {**OBJECT, "properties": {"effort": _CHAT["reasoning_effort"]}, "additionalProperties": NULL},
    "text": OBJECT,
    "tools": OBJECTS,
    "tool_choice": {"anyOf": [TEXT, OBJECT]},
}
MESSAGE_KNOWN: Schema = {
    **SHARED,
    "messages": _some(_message("user", "assistant", "system")),
    "max_tokens": _CHAT["max_tokens"]["anyOf"][0],
    "system": {"anyOf": [TEXT, OBJECTS]},
    "stop_sequences": _CHAT["stop"],
    "thinking": OBJECT,
    "tools": OBJECTS,
    "tool_choice": OBJECT,
    "output_config": OBJECT,
    "metadata": OBJECT,
}


def _outline(table: Parameters, known: Schema, *required: str, **more: Schema) -> dict[str, Any]:
    """Return the `requestBody` of an endpoint: null is as good as absent, wherever it is not required."""
    properties = {name: known[name] for name in sorted(table.supported)}
    properties |= {name: {"description": f"Ignored: {why}."} for name, why in table.ignored.items()}
    properties |= {
        name: {"enum": list(only), "description": f"Refused: {table.refused[name]}."}
        for name, only in table.harmless.items()
    }
    properties |= more
    schema = {
        "type": "object",
        "required": list(required),
        "properties": {
            name: schema if name in required else {"anyOf": [schema, NULL]} for name, schema in properties.items()
        },
        "additionalProperties": NULL,
    }
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


CHAT_BODY = _outline(CHAT, CHAT_KNOWN, "model", "messages")
RESPONSE_BODY = _outline(
    RESPONSES, RESPONSE_KNOWN, "model", "input", "background",
    background={"const": True},
    store={"type": "boolean", "description": "Whether the input is kept, for input_items."},
    background_options={**OBJECT, "properties": {"completion_window": TEXT}, "additionalProperties": NULL},
)  # fmt: skip
MESSAGE_BODY = _outline(MESSAGES, MESSAGE_KNOWN, "model", "max_tokens", "messages")
COUNT_BODY = _outline(MESSAGES, MESSAGE_KNOWN, "model", "messages")
