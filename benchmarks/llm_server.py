"""A fast LLM server in a process of its own that remembers each call: `python -m benchmarks.llm_server`.

It speaks the OpenAI format and nothing else, so that it costs little beside what is measured; the simulated server
(`pointsman.simulated`) has every format and fault. A call's job is its last user message, unique in a benchmark.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any

from aiohttp import web

OPEN_FILES = 16_384
"""Each call in flight holds a socket."""

ANSWERED, REFUSED, FAILED, CUT = "answered", "refused", "failed", "cut"
"""How a call ended: with an answer, with a 429, with a 500, or by its caller's death."""

ALL = ""
"""The name under which calls of all models are counted."""
TOKENS = 10
"""Of a prompt at least, and of an answer to a request that allows any number."""
SEED = 1


@dataclass
class Call:
    """One call; times are in seconds since the epoch, `ended` is None while it is in flight.

    `tokens` is what its answer used, `retry_after` the wait in seconds that a refusal asked for.
    """

    job: str
    request_id: str
    arrived: float
    ended: float | None = None
    how: str = ""
    model: str = ""
    tokens: int = 0
    retry_after: int = 0


@dataclass(frozen=True)
class Faults:
    """Shares of the calls, 0 to 1, that get a 429 with a Retry-After of 1 to 3 s, or a 500, for an answer."""

    refuse: float = 0.0
    fail: float = 0.0


@dataclass
class Server:
    """Answers after `latency` seconds, or refuses until `refused_until` with the wait that it asks for."""

    latency: float
    faults: Faults = Faults()
    refused_until: float = 0.0
    retry_after: int = 0
    calls: list[Call] = field(default_factory=list)
    in_flight: Counter[str] = field(default_factory=Counter)
    most_in_flight: Counter[str] = field(default_factory=Counter)
    random: Random = field(default_factory=lambda: Random(SEED))

    def application(self) -> web.Application:
        """Return the web application."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/v1/chat/completions", self._complete)
        app.router.add_post("/refuse", self._refuse)
        app.router.add_get("/calls", self._report)
        app.router.add_get("/most_in_flight", self._most_in_flight)
        return app

    async def _complete(self, request: web.Request) -> web.Response:
        call = Call("", request.headers.get("x-client-request-id", ""), time.time())
        self.calls.append(call)
        try:
            body = json.loads(await request.read())
            call.job, call.model = body["messages"][-1]["content"], body["model"]
            self._count(call.model, 1)
            return await self._answer(call, body.get("max_completion_tokens"))
        finally:
            if call.model:
                self._count(call.model, -1)
            call.ended = time.time()
            call.how = call.how or CUT

    def _count(self, model: str, change: int) -> None:
        for name in (model, ALL):
            self.in_flight[name] += change
            self.most_in_flight[name] = max(self.most_in_flight[name], self.in_flight[name])

    async def _answer(self, call: Call, allowed: int | None) -> web.Response:
        if call.arrived < self.refused_until:
            return self._refused(call, self.retry_after)
        if self._drawn(self.faults.refuse):
            return self._refused(call, self.random.randint(1, 3))
        await asyncio.sleep(self.latency)
        if self._drawn(self.faults.fail):
            call.how = FAILED
            return web.json_response({"error": {"message": "broken", "type": "server_error"}}, status=500)
        call.how = ANSWERED
        usage = max(TOKENS, len(call.job) // 5), self.random.randint(1, allowed) if allowed else TOKENS
        call.tokens = sum(usage)
        return web.json_response(text=answer(call.job, usage))

    def _drawn(self, share: float) -> bool:
        return share > 0 and self.random.random() < share

    def _refused(self, call: Call, retry_after: int) -> web.Response:
        call.how, call.retry_after = REFUSED, retry_after
        error = {"message": "slow down", "type": "requests", "param": None, "code": "rate_limit_exceeded"}
        return web.json_response({"error": error}, status=429, headers={"Retry-After": str(retry_after)})

    async def _refuse(self, request: web.Request) -> web.Response:
        """Refuse for `seconds` from now on, asking for a wait of `retry_after` seconds each time."""
        asked = await request.json()
        self.retry_after = int(asked["retry_after"])
        self.refused_until = time.time() + float(asked["seconds"])
        return web.json_response({"refused_until": self.refused_until})

    async def _report(self, request: web.Request) -> web.Response:
        """Return every call since number `from`."""
        first = int(request.query.get("from", 0))
        return web.json_response([vars(call) for call in self.calls[first:]])

    async def _most_in_flight(self, _: web.Request) -> web.Response:
        """Return the most calls that were in flight at once, by model and of all."""
        return web.json_response(self.most_in_flight)


def answer(prompt: str, usage: tuple[int, int]) -> str:
    """Return the body of a chat completion; `usage` is the tokens of prompt and answer."""
    message: dict[str, Any] = {"role": "assistant", "content": f"answer to {prompt}"}
    return json.dumps(
        {
            "id": "chatcmpl-bench",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": "bench",
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)},
        }
    )


async def serve(server: Server, port: int) -> None:
    """Serve on loopback until SIGTERM or SIGINT; the first line of output is the base URL."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(server.application(), access_log=None, handler_cancellation=True, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=4096).start()
    sys.stdout.write(f"http://127.0.0.1:{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await stop.wait()
    await runner.cleanup()


def main() -> None:
    """Read the options and serve."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--latency", type=float, default=0.5, help="seconds that an answer takes")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--refuse", type=float, default=0.0, help="share of the calls that get 429, 0 to 1")
    parser.add_argument("--fail", type=float, default=0.0, help="share of the calls that get 500, 0 to 1")
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(OPEN_FILES, hard), hard))
    server = Server(options.latency, Faults(options.refuse, options.fail))
    asyncio.run(serve(server, options.port))


if __name__ == "__main__":
    main()
