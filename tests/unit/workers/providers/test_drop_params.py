"""Parameters that a format or a model does not take are left out, and recorded."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.router.vocabulary.chat import ChatRequest
from pointsman.router.vocabulary.model import Model
from pointsman.workers.providers import FORMATS
from pointsman.workers.providers.drop_params import without, without_empty

ASKED = {
    "messages": [{"role": "user", "content": "hi"}],
    "temperature": 0.0,
    "top_p": 1.0,
    "seed": 0,
    "stop": ["x"],
    "response_format": {"type": "json_object"},
}


def _chat(**more: Any) -> ChatRequest:
    return ChatRequest.model_validate({**ASKED, **more})


def _model(**settings: Any) -> Model:
    return Model(name="m", base_url="http://h", **{"upstream": "u", "format": "anthropic", **settings})


def test_the_dropped_come_in_the_order_of_the_request_whatever_the_configuration_says() -> None:
    kept, dropped = without(_chat(), ("stop", "seed", "max_tokens", "temperature"))
    assert dropped == ("temperature", "stop", "seed")
    assert (kept.temperature, kept.stop, kept.seed, kept.top_p) == (None, (), None, 1.0)


def test_zero_and_false_are_sent_but_null_and_empty_are_not() -> None:
    assert without_empty({"a": 0, "b": False, "c": 0.0, "d": None, "e": [], "f": (), "g": {}, "h": ""}) == {
        "a": 0,
        "b": False,
        "c": 0.0,
    }


def test_anthropic_has_no_seed_and_no_json_object() -> None:
    request = FORMATS["anthropic"].request(_chat(), _model(), None)
    assert request.dropped == ("seed", "response_format")
    assert {"seed", "output_config"}.isdisjoint(request.body)
    assert request.body["temperature"] == 0.0


@pytest.mark.parametrize("version", ["2026-10-21", "2027-01-01"])
def test_newer_anthropic_versions_take_no_sampling(version: str) -> None:
    request = FORMATS["anthropic"].request(_chat(top_k=1), _model(anthropic_version=version), None)
    assert request.dropped == ("temperature", "top_p", "top_k", "seed", "response_format")
    assert {"temperature", "top_p", "top_k"}.isdisjoint(request.body)
    assert request.headers["anthropic-version"] == version


def test_anthropic_keeps_a_json_schema() -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object", "default": None}}}
    request = FORMATS["anthropic"].request(_chat(response_format=wanted), _model(), None)
    assert request.dropped == ("seed",)
    assert request.body["output_config"]["format"]["schema"] == {"type": "object", "default": None}


def test_anthropic_always_says_max_tokens() -> None:
    model = _model(max_output_tokens=77, drop_params=("max_tokens",))
    request = FORMATS["anthropic"].request(_chat(max_tokens=5), model, None)
    assert request.body["max_tokens"] == 77
    assert "max_tokens" in request.dropped


def test_more_tokens_than_the_model_has_are_left_to_the_vendor() -> None:
    model = _model(max_output_tokens=77)
    assert FORMATS["anthropic"].request(_chat(max_tokens=500), model, None).body["max_tokens"] == 500


def test_plain_text_as_response_format_is_no_loss() -> None:
    request = FORMATS["anthropic"].request(_chat(seed=None, response_format={"type": "text"}), _model(), None)
    assert request.dropped == ()


@pytest.mark.parametrize(
    ("wire_format", "dropped"),
    [
        ("openai", ("top_k", "thinking")),
        ("anthropic", ("frequency_penalty", "presence_penalty", "verbosity")),
        ("gemini", ("parallel_tool_calls", "thinking", "verbosity")),
    ],
)
def test_what_a_format_has_no_words_for_is_named(wire_format: str, dropped: tuple[str, ...]) -> None:
    chat = ChatRequest.model_validate(
        {
            "messages": ASKED["messages"], "top_k": 5, "frequency_penalty": 0.0, "presence_penalty": 1.0,
            "parallel_tool_calls": False, "reasoning_effort": "low", "thinking": {"type": "adaptive"},
            "verbosity": "low",
        }
    )  # fmt: skip
    assert FORMATS[wire_format].request(chat, _model(format=wire_format), None).dropped == dropped


def test_to_allow_parallel_calls_is_what_gemini_does_anyway() -> None:
    assert FORMATS["gemini"].request(_chat(parallel_tool_calls=True), _model(format="gemini"), None).dropped == ()


@pytest.mark.parametrize(("effort", "tokens"), [("none", 0), ("minimal", 1024), ("medium", 8192), ("max", 24_576)])
def test_older_gemini_models_think_by_tokens(effort: str, tokens: int) -> None:
    model = _model(format="gemini", upstream="gemini-2.5-flash")
    body = FORMATS["gemini"].request(_chat(reasoning_effort=effort), model, None).body
    assert body["generationConfig"]["thinkingConfig"] == {"thinkingBudget": tokens}


CALLED = {"role": "assistant", "tool_calls": [{"id": "t", "function": {"name": "look", "arguments": "{}"}}]}
RESULT = {"role": "tool", "tool_call_id": "t", "content": "seen"}


@pytest.mark.parametrize(
    ("after", "kind", "thinks"),
    [
        ([CALLED, RESULT], "enabled", False),
        ([CALLED, RESULT, {"role": "user", "content": "and now?"}], "enabled", False),
        ([CALLED, RESULT, {"role": "assistant", "content": "it is"}, ASKED["messages"][0]], "enabled", True),
        ([CALLED, RESULT], "adaptive", True),
    ],
)
def test_a_budget_for_thoughts_is_dropped_where_earlier_thoughts_would_be_wanted(
    after: list[dict[str, Any]], kind: str, thinks: bool
) -> None:
    thinking = {"type": kind} | ({"budget_tokens": 1024} if kind == "enabled" else {})
    chat = ChatRequest.model_validate({"messages": [*ASKED["messages"], *after], "thinking": thinking})
    request = FORMATS["anthropic"].request(chat, _model(), None)
    assert (request.dropped, "thinking" in request.body) == (() if thinks else ("thinking",), thinks)


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_old_openai_servers_get_max_tokens_under_its_old_name(field: str) -> None:
    model = _model(format="openai", max_tokens_field=field)
    body = FORMATS["openai"].request(_chat(max_tokens=5), model, None).body
    assert {name: value for name, value in body.items() if "tokens" in name} == {field: 5}
