"""A process that stands in for the LLM: every call is written down, and it misbehaves when it is told to.

Each model has a port of its own, so that one can refuse connections while the others answer. A call says by its
`x-client-request-id` which job and which binding it is for.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field
from random import Random
from typing import Any

from aiohttp import web

HOST = "127.0.0.1"
CALL_ID = "x-client-request-id"


@dataclass
class Behaviour:
    """How a model answers; `limited` and `garbage` are parts of all its calls, seconds are of one call."""

    least_seconds: float = 0.05
    most_seconds: float = 0.15
    limited: float = 0.0
    retry_after_seconds: float = 1.0
    garbage: float = 0.0
    overloaded: bool = False
    hangs: bool = False


@dataclass
class Call:
    """One call; `how` says how it ended, None while it is open. Times are Unix seconds of this process's clock."""

    job: str
    binding: int
    model: str
    arrived: float
    ended: float | None = None
    how: str | None = None


@dataclass
class Backend:
    """One model and its port."""

    model: str
    random: Random
    behaviour: Behaviour = field(default_factory=Behaviour)
    site: web.TCPSite | None = None
    port: int = 0


class LedgerServer:
    """Answers as one model per port, and writes every call down."""

    def __init__(self, models: list[str], seed: int) -> None:
        self.calls: list[Call] = []
        self.backends = {model: Backend(model, Random(f"{seed}:{model}")) for model in models}
        self.runners: dict[str, web.AppRunner] = {}
        self.released = asyncio.Event()

    async def open(self) -> dict[str, Any]:
        """Open every port; returns the port of each model, and of the control."""
        app = web.Application()
        app.router.add_get("/calls", self._show)
        app.router.add_post("/behave", self._behave)
        control = await self._run("", app, 0)
        for backend in self.backends.values():
            await self._come_back(backend)
        return {"control": control, "models": {name: backend.port for name, backend in self.backends.items()}}

    async def _run(self, name: str, app: web.Application, port: int) -> int:
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.01)
        await runner.setup()
        await web.TCPSite(runner, HOST, port, backlog=2048, reuse_address=True).start()
        self.runners[name] = runner
        return int(runner.addresses[0][1])

    async def _come_back(self, backend: Backend) -> None:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", lambda request: self._call(backend, request))
        backend.port = await self._run(backend.model, app, backend.port)

    async def _die(self, backend: Backend) -> None:
        """Refuse connections, and cut off every call that is open."""
        runner = self.runners.pop(backend.model, None)
        if runner is not None:
            await runner.cleanup()

    async def _behave(self, request: web.Request) -> web.Response:
        """Change a model: a body of Behaviour's fields, and `dead` to close or open its port."""
        changes = await request.json()
        for model in changes.pop("models"):
            backend = self.backends[model]
            if changes.get("dead") is True:
                await self._die(backend)
            elif model not in self.runners:
                await self._come_back(backend)
            backend.behaviour = Behaviour(**{name: value for name, value in changes.items() if name != "dead"})
        self.released.set()
        self.released = asyncio.Event()
        return web.json_response({})

    async def _show(self, request: web.Request) -> web.Response:
        since = int(request.query["since"])
        rows = [list(vars(call).values()) for call in self.calls[since:]]
        return web.json_response({"now": time.time(), "calls": rows})

    async def _call(self, backend: Backend, request: web.Request) -> web.StreamResponse:
        job, _, binding = request.headers[CALL_ID].rpartition(".")
        call = Call(job, int(binding), backend.model, time.time())
        self.calls.append(call)
        try:
            how, reply = await self._answer(backend, call)
            call.how = how
            return reply
        except asyncio.CancelledError:
            call.how = "hung up"
            raise
        finally:
            call.ended = time.time()

    async def _answer(self, backend: Backend, call: Call) -> tuple[str, web.StreamResponse]:
        behaviour, random = backend.behaviour, backend.random
        if behaviour.overloaded:
            return "overloaded", _error(503, "server_error", {})
        if random.random() < behaviour.limited:
            after = {"retry-after-ms": str(round(behaviour.retry_after_seconds * 1000))}
            return "limited", _error(429, "rate_limit_exceeded", after)
        if behaviour.hangs:
            await self.released.wait()
        await asyncio.sleep(random.uniform(behaviour.least_seconds, behaviour.most_seconds))
        if random.random() < behaviour.garbage:
            return "garbage", _garbage(random)
        return "answered", web.json_response(_completion(call))


def _error(status: int, code: str, headers: dict[str, str]) -> web.Response:
    body = {"error": {"message": "told to", "type": "requests", "param": None, "code": code}}
    return web.json_response(body, status=status, headers=headers)


def _garbage(random: Random) -> web.Response:
    whole = json.dumps(_completion(Call("nobody", 0, "none", 0.0)))
    text = random.choice(
        [whole[: len(whole) // 2], "<html>Bad Gateway</html>", "{}", '{"choices": []}', "\x00\xff"]
    )
    return web.Response(text=text, content_type="application/json")


def _completion(call: Call) -> dict[str, Any]:
    """Return an answer that names its job and its binding, so that a result can be traced to its call."""
    message = {"role": "assistant", "content": f"{call.job}.{call.binding}", "refusal": None}
    return {
        "id": f"chatcmpl-{call.job}",
        "object": "chat.completion",
        "created": int(call.arrived),
        "model": call.model,
        "choices": [{"index": 0, "finish_reason": "stop", "logprobs": None, "message": message}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 10},
    }


async def main(seed: str, *models: str) -> None:
    """Serve until killed; the ports go to stdout as one line of JSON."""
    server = LedgerServer(list(models), int(seed))
    sys.stdout.write(json.dumps(await server.open()) + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
