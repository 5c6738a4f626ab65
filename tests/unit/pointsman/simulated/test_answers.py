"""Simulated answers: text, tool calls and JSON, the same for the same call."""

from __future__ import annotations

from random import Random

from pointsman.simulated.answers import ParsedRequest, json_of, make_answer
from pointsman.simulated.tools import OfferedTool

PROMPT = ParsedRequest("gpt", "Why does my printer not work?", "Why does my printer not work?")


def test_text_is_marked_and_quotes_the_prompt() -> None:
    answer = make_answer(PROMPT, 60, Random(1))
    assert answer.text.startswith("[simulated]")
    assert "printer" in answer.text
    assert (answer.finish, answer.text) == ("stop", make_answer(PROMPT, 60, Random(1)).text)


def test_text_is_cut_at_the_maximum() -> None:
    answer = make_answer(ParsedRequest("gpt", "Why?", "Why?", max_tokens=3), 60, Random(1))
    assert (answer.finish, answer.output_tokens, len(answer.text.split())) == ("length", 3, 3)


def test_an_insisted_tool_is_called_with_the_smallest_arguments() -> None:
    schema = {"properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city"]}
    answer = make_answer(
        ParsedRequest("gpt", "?", "?", call=OfferedTool("weather", "", schema).call()), 60, Random(1)
    )
    assert answer.called == OfferedTool("weather", "", schema).call()
    assert answer.called.arguments == {"city": "[simulated]"}
    assert answer.finish == "tool_calls"


def test_json_is_an_instance_of_the_schema() -> None:
    schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
    assert (
        make_answer(ParsedRequest("gpt", "?", "?", json_text=json_of(schema)), 60, Random(1)).text == '{"ok": true}'
    )
