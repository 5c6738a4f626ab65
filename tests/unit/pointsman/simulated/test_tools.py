"""Which tool is called: the one that the prompt speaks of, the same each time."""

from __future__ import annotations

from random import Random

import pytest

from pointsman.simulated.tools import OfferedTool, choose_tool, named

WEATHER = OfferedTool("getWeather", "Tells how warm it is.", {"properties": {"city": {"type": "string"}}})
MAIL = OfferedTool("send_mail", "Sends a letter to somebody.")
TOOLS = (WEATHER, MAIL)


@pytest.mark.parametrize(
    ("prompt", "tool"),
    [("What is the weather in Rome?", WEATHER), ("How warm is it there?", WEATHER), ("Which city?", WEATHER),
     ("Write a letter to Ada", MAIL), ("Send a MAIL", MAIL)],
)  # fmt: skip
def test_the_prompt_decides(prompt: str, tool: OfferedTool) -> None:
    assert [choose_tool(TOOLS, prompt, Random(seed)) for seed in range(20)] == [tool] * 20


def test_a_prompt_that_speaks_of_none_gets_any_of_them_or_none_by_the_seed() -> None:
    chosen = [choose_tool(TOOLS, "Hello there", Random(seed)) for seed in range(50)]
    assert all(tool in chosen for tool in (WEATHER, MAIL, None))
    assert chosen == [choose_tool(TOOLS, "Hello there", Random(seed)) for seed in range(50)]


def test_words_that_stand_everywhere_do_not_count() -> None:
    tool = OfferedTool("the_tool", "You can use this for what you are")
    assert None in [choose_tool([tool], "What can you use this tool for?", Random(seed)) for seed in range(20)]


def test_without_tools_none_is_called() -> None:
    assert choose_tool((), "What is the weather?", Random(1)) is None


def test_a_tool_that_is_not_there_cannot_be_named() -> None:
    assert named(TOOLS, "send_mail") is MAIL
    assert named(TOOLS, None) is WEATHER
    with pytest.raises(ValueError, match="no such tool"):
        named(TOOLS, "other")
