"""Our requests beside those of the vendors' own SDKs, as both arrive on a real wire."""

from __future__ import annotations

from typing import Any, get_args
from urllib.parse import unquote

import pytest

from pointsman.router.runtime.http import AsyncClient
from pointsman.router.vocabulary.chat import ChatRequest
from pointsman.router.vocabulary.model import DroppableParam
from pointsman.workers.call import call
from pointsman.workers.providers import FORMATS
from tests.support.loopback import Loopback, replying
from tests.support.vendors.models import HELLO, KEY, model_for
from tests.support.vendors.replies import text_reply
from tests.support.vendors.sdk_cases import CASES, QUESTION, Case
from tests.support.vendors.sdk_clients import ASK, normalised

PAIRS = [
    pytest.param(vendor, case, id=f"{vendor}-{case.name}")
    for vendor in sorted(FORMATS)
    for case in CASES
    if getattr(case, vendor) is not None
]


@pytest.mark.parametrize(("vendor", "case"), PAIRS)
async def test_a_request_is_what_the_vendors_own_sdk_sends(
    vendor: str, case: Case, loopback: Loopback, client: AsyncClient
) -> None:
    loopback.behave = replying(200, text_reply(vendor))
    ASK[vendor](loopback.url, case)
    chat = ChatRequest.model_validate({"messages": [QUESTION], **case.chat})
    request = FORMATS[vendor].request(chat, model_for(vendor, loopback.url), KEY)
    await call(client, FORMATS[vendor], request, timeout_seconds=5)
    theirs, ours = loopback.seen
    # Google's SDK may percent-encode the colon before the method.
    assert ours.path == unquote(theirs.path)
    assert normalised(vendor, ours.body) == normalised(vendor, theirs.body)
    assert ours.headers["content-type"] == theirs.headers["content-type"]
    assert request.dropped == ()


CREDENTIALS: dict[str, dict[str, str]] = {
    "openai": {"authorization": f"Bearer {KEY}"},
    "anthropic": {"x-api-key": KEY, "anthropic-version": "2023-06-01"},
    "gemini": {"x-goog-api-key": KEY},
}


def test_the_key_goes_into_the_vendors_own_header(vendor: str) -> None:
    request = FORMATS[vendor].request(HELLO, model_for(vendor, "http://h"), KEY)
    assert dict(request.headers) == CREDENTIALS[vendor]


def test_without_a_key_no_header_pretends_one(vendor: str) -> None:
    request = FORMATS[vendor].request(HELLO, model_for(vendor, "http://h"), None)
    assert not {"authorization", "x-api-key", "x-goog-api-key"} & request.headers.keys()


async def test_configured_headers_are_sent_and_win(vendor: str, loopback: Loopback, client: AsyncClient) -> None:
    loopback.behave = replying(200, text_reply(vendor))
    headers = {"X-Team": "blue", "Authorization": "Basic abc"}
    request = FORMATS[vendor].request(HELLO, model_for(vendor, loopback.url, headers=headers), KEY)
    await call(client, FORMATS[vendor], request, timeout_seconds=5)
    (seen,) = loopback.seen
    assert (seen.headers["x-team"], seen.headers["authorization"]) == ("blue", "Basic abc")


EVERYTHING: dict[str, Any] = {
    "messages": [QUESTION],
    "max_tokens": 5,
    "temperature": 1.0,
    "top_p": 0.9,
    "top_k": 5,
    "frequency_penalty": 0.5,
    "presence_penalty": 0.5,
    "stop": ["x"],
    "seed": 7,
    "tool_choice": "auto",
    "parallel_tool_calls": False,
    "response_format": {"type": "json_object"},
    "reasoning_effort": "high",
    "thinking": {"type": "adaptive"},
    "verbosity": "high",
}
DROPPABLE = tuple(name for name in EVERYTHING if name != "messages")


def test_every_droppable_parameter_can_be_dropped_and_is_recorded(vendor: str) -> None:
    chat = ChatRequest.model_validate(EVERYTHING)
    assert {*DROPPABLE, "stream_options"} == set(get_args(DroppableParam)), "which is no field of a chat request"
    model = model_for(vendor, "http://h", drop_params=tuple(reversed(DROPPABLE)))
    dropped = FORMATS[vendor].request(chat, model, KEY)
    bare = FORMATS[vendor].request(HELLO, model_for(vendor, "http://h"), KEY)
    assert dropped.dropped == DROPPABLE
    assert dropped.body == bare.body


def test_a_parameter_that_the_request_does_not_have_is_not_recorded(vendor: str) -> None:
    model = model_for(vendor, "http://h", drop_params=DROPPABLE)
    assert FORMATS[vendor].request(HELLO, model, KEY).dropped == ()
