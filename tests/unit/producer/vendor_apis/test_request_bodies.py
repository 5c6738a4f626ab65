"""Whatever stands in a body, an endpoint of a vendor's either makes a job of it or refuses it in words."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pointsman.producer.vendor_apis.anthropic import MESSAGES, error_reply, read_message
from pointsman.producer.vendor_apis.anthropic.blocks import CALL, IMAGE, RESULT, TEXT
from pointsman.producer.vendor_apis.openai import CHAT, RESPONSES, Refused, read_background, read_chat, to_repeat
from pointsman.producer.vendor_apis.request import OURS
from pointsman.router.routing.catalog import Catalog

WORDS = st.sampled_from(
    [
        "auto", "gpt-4", "user", "assistant", "system", "tool", "text", "image", "image_url", "function", "custom",
        "tool_use", "tool_result", "message", "function_call", "function_call_output", "input_text", "input_image",
        "json_schema", "base64", "url", "any", "soonest", "30m", "https://x/y.png", "",
    ]
)  # fmt: skip
NAMES = st.sampled_from(
    sorted(
        {"type", "role", "content", "function", "name", "format", "schema", "parameters", "completion_window"}
        | {"url", "strict", "tool_calls", "tool_call_id", "arguments", "call_id", "output", "detail"}
        | {"continuation_id"}
        | TEXT | IMAGE | CALL | RESULT | OURS
    )
)  # fmt: skip
LEAVES = st.none() | st.booleans() | st.integers(-2, 99) | st.floats(allow_nan=False) | WORDS | st.text(max_size=5)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
)
PARAMETERS = st.sampled_from(
    sorted(CHAT.supported | RESPONSES.supported | MESSAGES.supported | {"background_options", "stream", "thinking"})
)
BODIES = st.dictionaries(PARAMETERS, VALUES, max_size=5)

CATALOG = Catalog.model_validate(
    {
        "models": {"gpt-4": {"format": "openai", "base_url": "http://127.0.0.1:1/v1", "upstream": "m"}},
        "task_classes": {"code": {"models": ["gpt-4"]}},
        "default_class": "code",
    }
)
HELLO = [{"role": "user", "content": "Hello"}]
MANY = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@MANY
@given(BODIES)
def test_a_chat_body_is_a_job_or_refused(body: dict[str, Any]) -> None:
    with suppress(Refused):
        read_chat({"model": "auto", "messages": HELLO, **body}, CATALOG)


@MANY
@given(BODIES)
def test_a_response_body_is_a_job_or_refused(body: dict[str, Any]) -> None:
    body = {"model": "auto", "input": "Hello", "background": True, **body}
    with suppress(Refused):
        json.dumps(to_repeat(body, read_background(body, CATALOG).ignored))


@MANY
@given(BODIES)
def test_a_message_body_is_a_job_or_refused_in_its_shape(body: dict[str, Any]) -> None:
    body = {"model": "auto", "messages": HELLO, "max_tokens": 5, **body}
    try:
        read_message(body, CATALOG, version="2023-06-01")
    except Refused as refused:
        status, reply = error_reply(refused.fault, "req_1")
        assert 400 <= status < 500
        assert reply["error"]["message"]
