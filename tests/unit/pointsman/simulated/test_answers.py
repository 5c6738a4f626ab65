"""Simulated answers: text, tool calls and JSON, the same for the same call."""

from __future__ import annotations

from random import Random

from pointsman.simulated.answers import Asked, call_of, json_of, say

PROMPT = Asked("gpt", "Why does my printer not work?", "Why does my printer not work?")


def test_text_is_marked_and_quotes_the_prompt() -> None:
    said = say(PROMPT, 60, Random(1))
    assert said.text.startswith("[simulated]")
    assert "printer" in said.text
    assert (said.finish, said.text) == ("stop", say(PROMPT, 60, Random(1)).text)


def test_text_is_cut_at_the_maximum() -> None:
    said = say(Asked("gpt", "Why?", "Why?", max_tokens=3), 60, Random(1))
    assert (said.finish, said.output_tokens, len(said.text.split())) == ("length", 3, 3)


def test_an_insisted_tool_is_called_with_the_smallest_arguments() -> None:
    schema = {"properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city"]}
    said = say(Asked("gpt", "?", "?", call=call_of("weather", schema)), 60, Random(1))
    assert said.called == call_of("weather", schema)
    assert said.called.arguments == {"city": "[simulated]"}
    assert said.finish == "tool_calls"


def test_json_is_an_instance_of_the_schema() -> None:
    schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
    assert say(Asked("gpt", "?", "?", json_text=json_of(schema)), 60, Random(1)).text == '{"ok": true}'
