"""The simulated server: three doors, one behaviour."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from .answers import say
from .formats import ServedAnthropic, ServedFormat, ServedGemini, ServedOpenAI
from .ledger import Ledger
from .settings import SimulatedModel, Simulation, latency_seconds

ALWAYS = {"x-simulated": "true"}


class SimulatedServer:
    """Answers requests as the simulation says, and counts them."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.ledger = Ledger()
        self._lines: dict[str, asyncio.Semaphore] = {}

    def application(self) -> web.Application:
        """Return the web application with all doors."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/v1/chat/completions", self._openai)
        app.router.add_post("/v1/messages", self._anthropic)
        app.router.add_post(r"/{version:v1|v1beta}/models/{model}:generateContent", self._gemini)
        app.router.add_get("/stats", self._stats)
        app.router.add_post("/config", self._configure)
        app.router.add_get("/healthz", self._healthz)
        return app

    async def _openai(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, ServedOpenAI(), request.headers.get("Authorization", "")[7:])

    async def _anthropic(self, request: web.Request) -> web.StreamResponse:
        key = request.headers.get("x-api-key") or request.headers.get("Authorization", "")[7:]
        return await self._answer(request, ServedAnthropic(), key)

    async def _gemini(self, request: web.Request) -> web.StreamResponse:
        key = request.headers.get("x-goog-api-key") or request.query.get("key", "")
        return await self._answer(request, ServedGemini(), key)

    async def _answer(self, request: web.Request, wire: ServedFormat, key: str) -> web.StreamResponse:
        if self.simulation.required_key is not None and key != self.simulation.required_key:
            return _error(wire, "auth", "simulated: this server was started with another API key")
        asked = wire.asked(request.match_info.get("model", ""), await request.json())
        model = self.simulation.model(asked.upstream)
        nth = self.ledger.begin(asked.upstream, asked.prompt)
        draw = self.simulation.draw(asked.upstream, asked.prompt, nth)
        try:
            refused = self._refusal(asked.upstream, model, draw)
            if refused:
                self.ledger.count_error(asked.upstream, refused)
                return _error(wire, refused, f"simulated: {refused}", model.retry_after_seconds)
            said = say(asked, model.answer_tokens, draw)
            async with self._line(asked.upstream, model):
                await asyncio.sleep(latency_seconds(model, said.output_tokens, draw))
            body = {**wire.said(asked.upstream, said), "simulated": True}
            return await self._send(request, body, asked.upstream, draw)
        finally:
            self.ledger.end(asked.upstream)

    def _refusal(self, upstream: str, model: SimulatedModel, draw: Random) -> str | None:
        if self.ledger.over_rate(upstream, model.requests_per_minute):
            return "rate_limited"
        chance = draw.random()
        for kind, rate in (
            ("rate_limited", model.rate_limit_rate),
            ("overloaded", model.overloaded_rate),
            ("server_error", model.server_error_rate),
        ):
            if chance < rate:
                return kind
            chance -= rate
        return None

    def _line(self, upstream: str, model: SimulatedModel) -> asyncio.Semaphore:
        """Return the line that requests above the model's concurrency wait in."""
        if upstream not in self._lines:
            self._lines[upstream] = asyncio.Semaphore(model.concurrency or 1_000_000)
        return self._lines[upstream]

    async def _send(
        self, request: web.Request, body: dict[str, Any], upstream: str, draw: Random
    ) -> web.StreamResponse:
        model = self.simulation.model(upstream)
        text = json.dumps(body)
        chance = draw.random()
        if chance < model.disconnect_rate:
            self.ledger.count_error(upstream, "disconnect")
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        if chance < model.disconnect_rate + model.bad_response_rate:
            self.ledger.count_error(upstream, "bad_response")
            text = text[: len(text) // 2]
        return web.Response(text=text, content_type="application/json", headers=ALWAYS)

    async def _stats(self, _: web.Request) -> web.Response:
        return web.json_response(self.ledger.report())

    async def _configure(self, request: web.Request) -> web.Response:
        """Change the behaviour while the server runs: the body is a Simulation as JSON."""
        try:
            self.simulation = Simulation.model_validate(await request.json())
        except (ValidationError, ValueError) as error:
            return web.json_response({"error": str(error)}, status=400)
        self._lines.clear()
        return web.json_response({"ok": True})

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.json_response({"ok": True, "simulated": True})


def _error(wire: ServedFormat, kind: str, message: str, retry_after: float = 0.0) -> web.Response:
    status, body = wire.error(kind, message)
    headers = {**ALWAYS, "Retry-After": f"{retry_after:g}"} if kind == "rate_limited" else ALWAYS
    return web.json_response(body, status=status, headers=headers)


@asynccontextmanager
async def running_server(
    simulation: Simulation, *, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[tuple[str, SimulatedServer]]:
    """Yield the base URL and the server while it runs; port 0 takes a free one."""
    server = SimulatedServer(simulation)
    runner = web.AppRunner(server.application(), access_log=None, handle_signals=False)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, backlog=4096)
        await site.start()
        bound: int = runner.addresses[0][1]
        yield f"http://{host}:{bound}", server
    finally:
        await runner.cleanup()
