"""Conversations in the formats that know two speakers and a separate system text."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.router.vocabulary.chat import ChatRequest
from pointsman.router.vocabulary.errors import ErrorKind
from pointsman.router.vocabulary.model import Model
from pointsman.workers.errors import CallFailed
from pointsman.workers.providers import FORMATS
from pointsman.workers.providers.data_url import split_data_url

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/gif;base64,R0lGOD=="}}


def _body(vendor: str, *messages: dict[str, Any], **settings: Any) -> Any:
    model = Model(name="m", format=vendor, upstream="u", base_url="http://h", **settings)  # type: ignore[arg-type] # pydantic checks every value
    return FORMATS[vendor].request(ChatRequest.model_validate({"messages": messages}), model, None).body


def _user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def _system(content: Any) -> dict[str, Any]:
    return {"role": "system", "content": content}


def _calls(*ids: str, arguments: str = "{}", name: str = "f") -> dict[str, Any]:
    calls = [{"id": call_id, "function": {"name": name, "arguments": arguments}} for call_id in ids]
    return {"role": "assistant", "content": "", "tool_calls": calls}


def _result(call_id: str, content: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def test_system_messages_are_joined_wherever_they_stand() -> None:
    messages = (_system("one"), _user("hi"), _system("two"))
    assert _body("anthropic", *messages)["system"] == "one\n\ntwo"
    assert _body("gemini", *messages)["systemInstruction"] == {"parts": [{"text": "one\n\ntwo"}]}


def test_messages_of_one_speaker_in_a_row_become_one() -> None:
    messages = (_user("a"), _system("between"), _user("b"), {"role": "assistant", "content": "c"}, _user("d"))
    anthropic = _body("anthropic", *messages)["messages"]
    assert [turn["role"] for turn in anthropic] == ["user", "assistant", "user"]
    assert [block["text"] for block in anthropic[0]["content"]] == ["a", "b"]
    gemini = _body("gemini", *messages)["contents"]
    assert [turn["role"] for turn in gemini] == ["user", "model", "user"]


def test_several_tool_results_and_the_next_question_are_one_user_message() -> None:
    messages = _body("anthropic", _user("q"), _calls("1", "2"), _result("1", "x"), _result("2", "y"), _user("and?"))
    last = messages["messages"][-1]
    assert last["role"] == "user"
    assert [block["type"] for block in last["content"]] == ["tool_result", "tool_result", "text"]


def test_empty_text_beside_tool_calls_is_left_out() -> None:
    assistant = _body("anthropic", _user("q"), _calls("1"))["messages"][1]
    assert [block["type"] for block in assistant["content"]] == ["tool_use"]


def test_gemini_finds_the_function_behind_a_reused_call_id() -> None:
    contents = _body(
        "gemini",
        _user("q"),
        _calls("call-0", name="first"),
        _result("call-0", "x"),
        _calls("call-0", name="second"),
        _result("call-0", "y"),
    )["contents"]
    names = [
        part["functionResponse"]["name"]
        for turn in contents
        for part in turn["parts"]
        if len(part) == 1 and "functionResponse" in part
    ]
    assert names == ["first", "second"]


def test_gemini_gets_a_tool_result_as_an_object() -> None:
    def response(text: str) -> Any:
        contents = _body("gemini", _user("q"), _calls("1"), _result("1", text))["contents"]
        return contents[-1]["parts"][0]["functionResponse"]["response"]

    assert response('{"a": 1}') == {"a": 1}
    assert response("[1]") == {"output": "[1]"}
    assert response("plain") == {"output": "plain"}


def test_an_image_in_a_tool_result_is_not_lost() -> None:
    messages = (_user("q"), _calls("1"), _result("1", [{"type": "text", "text": "see"}, IMAGE]))
    (block,) = _body("anthropic", *messages)["messages"][-1]["content"]
    assert [part["type"] for part in block["content"]] == ["text", "image"]
    parts = _body("gemini", *messages)["contents"][-1]["parts"]
    assert parts[1] == {"inlineData": {"mimeType": "image/gif", "data": "R0lGOD=="}}


@pytest.mark.parametrize("vendor", ["anthropic", "gemini"])
@pytest.mark.parametrize("arguments", ["{", "[]", "null", "7", "[" * 100_000])
def test_arguments_that_are_no_object_are_an_invalid_request(vendor: str, arguments: str) -> None:
    with pytest.raises(CallFailed, match="tool call 'c1'") as failure:
        _body(vendor, _user("q"), _calls("c1", arguments=arguments), _result("c1", "x"))
    assert failure.value.kind is ErrorKind.INVALID_REQUEST


@pytest.mark.parametrize("vendor", ["anthropic", "gemini"])
def test_an_image_in_a_system_message_is_an_invalid_request(vendor: str) -> None:
    with pytest.raises(CallFailed) as failure:
        _body(vendor, _system([IMAGE]), _user("q"))
    assert failure.value.kind is ErrorKind.INVALID_REQUEST


def test_openai_keeps_the_conversation_as_it_is() -> None:
    messages = _body("openai", _system("s"), _user("q"), _calls("1"), _result("1", "x"))["messages"]
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "tool"]
    assert "tool_calls" not in messages[0]


def test_a_slash_at_the_end_of_the_base_url_does_no_harm() -> None:
    chat = ChatRequest.model_validate({"messages": [_user("q")]})
    for vendor, wire in FORMATS.items():
        model = Model(name="m", format=vendor, upstream="u", base_url="http://h/p/")  # type: ignore[arg-type] # pydantic checks every value
        assert "//" not in wire.request(chat, model, None).url.removeprefix("http://")


def test_gemini_takes_its_api_version_from_the_configuration() -> None:
    chat = ChatRequest.model_validate({"messages": [_user("q")]})
    model = Model(name="m", format="gemini", upstream="g", base_url="http://h", api_version="v1")
    assert FORMATS["gemini"].request(chat, model, None).url == "http://h/v1/models/g:generateContent"


@pytest.mark.parametrize("url", ["https://h/a,b", "data:image/png,plain", "data:image/png;base64"])
def test_only_base64_data_urls_are_split(url: str) -> None:
    assert split_data_url(url) is None
