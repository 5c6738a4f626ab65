"""Runs the simulated server in this process, and asks it over raw HTTP in each format."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pointsman.router.runtime.http import AsyncClient, Response, open_client
from pointsman.simulated import SimulatedModel, Simulation, running_server

PROMPT = "Why does my printer refuse to print?"


FAST = {"base_seconds": 0.0, "tokens_per_second": 1e6}


Ask = Callable[..., Any]


@asynccontextmanager
async def serving(**settings: Any) -> AsyncIterator[AsyncClient]:
    """Yield a client of a server whose models all behave as `settings` say."""
    key = settings.pop("required_key", None)
    simulation = Simulation(required_key=key, default=SimulatedModel(**{**FAST, **settings}))
    async with running_server(simulation) as (url, _), open_client(connections=3000, base_url=url) as http:
        yield http


async def ask_openai(http: AsyncClient, prompt: str = PROMPT, **more: Any) -> Response:
    body = {"model": "m", "messages": [{"role": "user", "content": prompt}], **more}
    return await http.post("/v1/chat/completions", json=body)


async def ask_anthropic(http: AsyncClient, prompt: str = PROMPT, **more: Any) -> Response:
    body = {"model": "m", "max_tokens": 500, "messages": [{"role": "user", "content": prompt}], **more}
    return await http.post("/v1/messages", json=body)


async def ask_gemini(http: AsyncClient, prompt: str = PROMPT, **more: Any) -> Response:
    body = {"contents": [{"role": "user", "parts": [{"text": prompt}]}], **more}
    return await http.post("/v1beta/models/m:generateContent", json=body)


EVERY_FORMAT = pytest.mark.parametrize("ask", [ask_openai, ask_anthropic, ask_gemini])


async def stats(http: AsyncClient) -> Any:
    return (await http.get("/stats")).json()


async def until_in_flight(http: AsyncClient, count: int, *, model: str = "m") -> None:
    """Wait until `count` requests are in flight at a model; the test's timeout ends a vain wait."""
    while (await stats(http))["models"].get(model, {}).get("in_flight") != count:  # noqa: ASYNC110 - over HTTP there is no event to wait for
        await asyncio.sleep(0.01)
