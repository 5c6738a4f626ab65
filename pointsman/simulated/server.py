"""The simulated server: three endpoints, one behaviour."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from aiohttp import web
from pydantic import ValidationError

from pointsman.router.vocabulary.errors import ErrorKind

from .answers import ParsedRequest
from .anthropic import ServedAnthropic
from .backend import SimulatedBackend
from .faults import Failure
from .formats import UNREADABLE, ServedFormat
from .gemini import ServedGemini
from .ledger import CallLedger
from .openai import ServedOpenAI
from .response import send_answer, send_error
from .settings import Simulation, SimulationChanges
from .stream import send_stream

SHUTDOWN_SECONDS = 0.5
"""How long requests in flight may go on after a stop; nobody waits for a simulated answer."""


GEMINI_VERBS = {"generateContent": False, "streamGenerateContent": True}
"""What can be called, and whether it streams."""


class SimulatedServer:
    """Answers requests as the simulation says, and counts them."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.ledger = CallLedger()
        self._backends: dict[str, SimulatedBackend] = {}

    def application(self) -> web.Application:
        """Return the web application with all endpoints."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/v1/chat/completions", self._openai)
        app.router.add_post("/v1/messages", self._anthropic)
        # One variable, since google-genai sends the colon as %3A.
        app.router.add_post("/{version:v1|v1beta}/models/{call}", self._gemini)
        app.router.add_get("/stats", self._stats)
        app.router.add_get("/config", self._configuration)
        app.router.add_post("/config", self._configure)
        app.router.add_get("/healthz", self._healthz)
        app.on_response_prepare.append(_mark)
        return app

    async def _openai(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, ServedOpenAI(), "")

    async def _anthropic(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, ServedAnthropic(), "")

    async def _gemini(self, request: web.Request) -> web.StreamResponse:
        upstream, _, verb = request.match_info["call"].rpartition(":")
        # Without alt=sse the vendor streams a JSON array, which nobody asks for here.
        if verb not in GEMINI_VERBS or (GEMINI_VERBS[verb] and request.query.get("alt") != "sse"):
            raise web.HTTPNotFound
        return await self._answer(request, ServedGemini(stream=GEMINI_VERBS[verb]), upstream)

    async def _answer(self, request: web.Request, wire: ServedFormat, upstream: str) -> web.StreamResponse:
        request_id = f"req_{uuid4().hex[:20]}"
        parsed = await self._parse(request, wire, upstream)
        if isinstance(parsed, Failure):
            return send_error(wire, parsed, request_id)
        async with self._backend(parsed.upstream).serving(parsed, self.simulation) as outcome:
            if isinstance(outcome, Failure):
                return send_error(wire, outcome, request_id)
            send = send_stream if parsed.stream else send_answer
            return await send(request, wire, parsed, outcome, request_id=request_id)

    async def _parse(self, request: web.Request, wire: ServedFormat, upstream: str) -> ParsedRequest | Failure:
        key = wire.key(request.headers, request.query)
        if self.simulation.required_key not in (None, key):
            return Failure(ErrorKind.AUTH, "simulated: this server was started with another API key")
        try:
            return wire.parse(upstream, json.loads(await request.read()))
        except UNREADABLE as error:
            return Failure(ErrorKind.INVALID_REQUEST, f"simulated: {error}")

    def _backend(self, upstream: str) -> SimulatedBackend:
        if upstream not in self._backends:
            self._backends[upstream] = SimulatedBackend(self.ledger)
            self._backends[upstream].resize(self.simulation.model(upstream))
        return self._backends[upstream]

    async def _stats(self, _: web.Request) -> web.Response:
        return web.json_response(self.ledger.report())

    async def _configuration(self, _: web.Request) -> web.Response:
        return web.json_response(self.simulation.model_dump(mode="json", exclude={"required_key"}))

    async def _configure(self, request: web.Request) -> web.Response:
        """Change the behaviour while the server runs; the body is `SimulationChanges` as JSON."""
        try:
            changes = SimulationChanges.model_validate_json(await request.read())
            self.simulation = self.simulation.changed(changes)
        except ValidationError as error:
            return web.json_response({"error": error.errors(include_url=False, include_context=False)}, status=400)
        for upstream, backend in self._backends.items():
            backend.resize(self.simulation.model(upstream))
        return web.json_response({"ok": True})

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.json_response({"ok": True, "simulated": True})


async def _mark(_: web.Request, response: web.StreamResponse) -> None:
    response.headers["x-simulated"] = "true"


@asynccontextmanager
async def running_server(
    simulation: Simulation, *, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[tuple[str, SimulatedServer]]:
    """Yield the base URL and the server while it runs; port 0 takes a free one."""
    server = SimulatedServer(simulation)
    runner = web.AppRunner(
        server.application(),
        access_log=None,
        handle_signals=False,
        handler_cancellation=True,
        shutdown_timeout=SHUTDOWN_SECONDS,
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, backlog=4096)
        await site.start()
        bound: int = runner.addresses[0][1]
        yield f"http://{f'[{host}]' if ':' in host else host}:{bound}", server
    finally:
        await runner.cleanup()
