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
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

OPEN_FILES = 16_384
"""Each call in flight holds a socket."""

ANSWERED, REFUSED, CUT = "answered", "refused", "cut"
"""How a call ended: with an answer, with a 429, or by its caller's death."""


@dataclass
class Call:
    """One call; times are in seconds since the epoch, `ended` is None while it is in flight."""

    job: str
    request_id: str
    arrived: float
    ended: float | None = None
    how: str = ""


@dataclass
class Server:
    """Answers after `latency` seconds, or refuses until `refused_until` with the wait that it asks for."""

    latency: float
    refused_until: float = 0.0
    retry_after: int = 0
    calls: list[Call] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0

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
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            body = json.loads(await request.read())
            call.job = body["messages"][-1]["content"]
            if call.arrived < self.refused_until:
                return self._refused(call)
            await asyncio.sleep(self.latency)
            call.how = ANSWERED
            return web.json_response(text=answer(call.job))
        finally:
            self.in_flight -= 1
            call.ended = time.time()
            call.how = call.how or CUT

    def _refused(self, call: Call) -> web.Response:
        call.how = REFUSED
        error = {"message": "slow down", "type": "requests", "param": None, "code": "rate_limit_exceeded"}
        return web.json_response({"error": error}, status=429, headers={"Retry-After": str(self.retry_after)})

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
        return web.json_response(self.most_in_flight)


def answer(prompt: str) -> str:
    """Return the body of a chat completion."""
    message: dict[str, Any] = {"role": "assistant", "content": f"answer to {prompt}"}
    return json.dumps(
        {
            "id": "chatcmpl-bench",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": "bench",
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20},
        }
    )


async def serve(latency: float, port: int) -> None:
    """Serve on loopback until SIGTERM or SIGINT; the first line of output is the base URL."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(
        Server(latency).application(), access_log=None, handler_cancellation=True, shutdown_timeout=0.5
    )
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
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(OPEN_FILES, hard), hard))
    asyncio.run(serve(options.latency, options.port))


if __name__ == "__main__":
    main()
