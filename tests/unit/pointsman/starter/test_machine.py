"""What is found on a machine: keys by their variables, servers by what they answer."""

from __future__ import annotations

import pytest

from pointsman.local.ports import free_port
from pointsman.starter.machine import LocalServer, Machine, look_around
from tests.support.loopback import replying, running_loopback


def _found(body: object, status: int = 200) -> tuple[LocalServer, ...]:
    """Return what is found where a server answers so, and on the port beside it nobody."""
    with running_loopback() as server:
        server.behave = replying(status, body)
        port = int(server.url.rpartition(":")[2])
        found = look_around({}, {"Ollama": port, "vLLM": free_port()}).servers
        assert [seen.path for seen in server.seen] == ["/v1/models"]
        return tuple(LocalServer(one.name, 0, one.models) for one in found)


def test_keys_are_found_under_the_names_that_the_vendors_clients_know() -> None:
    environment = {"OPENAI_API_KEY": "a", "ANTHROPIC_API_KEY": " ", "GOOGLE_API_KEY": "b"}
    assert look_around(environment, {"vLLM": free_port()}) == Machine(
        {"gpt-4": "OPENAI_API_KEY", "gemini": "GOOGLE_API_KEY"}, ()
    )
    assert (
        look_around({**environment, "GEMINI_API_KEY": "c"}, {"vLLM": free_port()}).keys["gemini"]
        == "GEMINI_API_KEY"
    )


def test_a_server_is_found_with_its_chat_models() -> None:
    ollama = {"data": [{"id": "llama3.1:8b", "owned_by": "library"}, {"id": "nomic-embed-text:latest"}]}
    assert _found(ollama) == (LocalServer("Ollama", 0, {"llama3.1:8b": None}),)


def test_a_server_on_anothers_port_says_what_it_is_and_how_much_it_takes() -> None:
    vllm = {"data": [{"id": "Qwen/Qwen3-8B", "owned_by": "vllm", "max_model_len": 40960}]}
    assert _found(vllm) == (LocalServer("vLLM", 0, {"Qwen/Qwen3-8B": 40960}),)
    llama_cpp = {"data": [{"id": "m.gguf", "owned_by": "llamacpp", "meta": {"n_ctx": 8192}}]}
    assert _found(llama_cpp) == (LocalServer("llama.cpp", 0, {"m.gguf": 8192}),)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"<html>a page</html>", 200),
        ({"detail": "Not Found"}, 404),
        ({"data": []}, 200),
        ({"data": {"id": "a"}}, 200),
        ({"data": ["a", {"id": 7}, {"id": "two\nlines: evil"}, {"id": "text-embedding"}]}, 200),
        ([], 200),
        (b"[" * 100_000, 200),
        (b"\xff\xfe", 200),
    ],
)
def test_what_is_no_such_server_is_passed_over(body: object, status: int) -> None:
    assert _found(body, status) == ()
