"""Looks for what this machine can call: API keys in its environment, and LLM servers on loopback."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any

HOST = "127.0.0.1"
SECONDS = 1.0
BYTES_AT_MOST = 1_000_000

VENDOR_KEYS: Mapping[str, tuple[str, ...]] = {
    "gpt-4": ("OPENAI_API_KEY",),
    "claude": ("ANTHROPIC_API_KEY",),
    "gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
}
"""The vendors' rows in models.yaml, and the variables under which their own clients look for a key."""

LOCAL_PORTS: Mapping[str, int] = {"Ollama": 11434, "llama.cpp": 8080, "vLLM": 8000}
"""Servers of OpenAI's format, and the port that each takes unless told otherwise."""

OWNERS = {"llamacpp": "llama.cpp", "vllm": "vLLM"}
"""What some say they are, on whichever port."""

NO_CHAT = re.compile(r"embed|rerank|whisper", re.IGNORECASE)


@dataclass(frozen=True)
class LocalServer:
    """A server on loopback, the chat models it serves, and how many tokens each takes, where it says so."""

    name: str
    port: int
    models: Mapping[str, int | None]


@dataclass(frozen=True)
class Machine:
    """What can be called from here: by vendor's row the variable with its key, and the servers on loopback."""

    keys: Mapping[str, str]
    servers: tuple[LocalServer, ...]


def look_around(environment: Mapping[str, str], ports: Mapping[str, int] = LOCAL_PORTS) -> Machine:
    """Return what is found; no key is read but for whether it is there, and nothing leaves this machine."""
    keys = {
        row: variable
        for row, variables in VENDOR_KEYS.items()
        for variable in reversed(variables)
        if environment.get(variable, "").strip()
    }
    with ThreadPoolExecutor(len(ports)) as threads:
        servers = threads.map(_find_server, ports, ports.values())
        return Machine(keys, tuple(server for server in servers if server is not None))


def _find_server(name: str, port: int) -> LocalServer | None:
    """Return what answers on a port, if it is a server of OpenAI's format with a model to chat with."""
    entries = _entries(_fetched(port))
    models = {entry["id"]: _window(entry) for entry in entries if not NO_CHAT.search(entry["id"])}
    owners = [OWNERS[owner] for entry in entries if (owner := entry.get("owned_by")) in OWNERS]
    return LocalServer(owners[0] if owners else name, port, models) if models else None


def _fetched(port: int) -> Any:
    connection = HTTPConnection(HOST, port, timeout=SECONDS)
    try:
        connection.request("GET", "/v1/models")
        return json.loads(connection.getresponse().read(BYTES_AT_MOST))
    except (OSError, HTTPException, ValueError, RecursionError):
        return None  # nothing, or none of these servers
    finally:
        connection.close()


def _entries(listed: Any) -> list[dict[str, Any]]:
    data = listed.get("data") if isinstance(listed, dict) else None
    entries = [entry for entry in data if isinstance(entry, dict)] if isinstance(data, list) else []
    return [entry for entry in entries if isinstance(entry.get("id"), str) and entry["id"].isprintable()]


def _window(entry: Mapping[str, Any]) -> int | None:
    """Return the context window: vLLM says it beside the name, llama.cpp below `meta`, Ollama not at all."""
    meta = entry.get("meta")
    said = entry.get("max_model_len") or (meta.get("n_ctx") if isinstance(meta, dict) else None)
    return said if isinstance(said, int) and said > 0 else None
