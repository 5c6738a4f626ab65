"""An LLM server in a process of its own that notes when each call arrives: `python -m benchmarks.arrivals`.

It speaks OpenAI's format, answers after a set latency with a random part of the tokens that the request allows, and
refuses a random share of the calls with a Retry-After of 1 to 3 seconds, and breaks at another share. `GET /calls`
returns what it has noted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass
from random import Random

from aiohttp import web


@dataclass
class Call:
    """One call: its id (`<job>.<binding>`), its times in seconds since 1970, its tokens, the wait it was told."""

    id: str
    model: str
    arrived: float
    replied: float = 0.0
    tokens: int = 0
    retry_after: int = 0


class Server:
    """Answers or refuses, and notes every call."""

    def __init__(self, *, latency: float, refuse: float, fail: float, random: Random) -> None:
        self._latency, self._refuse, self._fail, self._random = latency, refuse, fail, random
        self._calls: list[Call] = []
        self._in_flight: Counter[str] = Counter()
        self._most_in_flight: Counter[str] = Counter()

    def application(self) -> web.Application:
        """Return the web application."""
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._complete)
        app.router.add_get("/calls", self._report)
        return app

    async def _complete(self, request: web.Request) -> web.Response:
        arrived = time.time()
        body = json.loads(await request.read())
        call = Call(request.headers.get("x-client-request-id", ""), body["model"], arrived)
        self._calls.append(call)
        self._in_flight[call.model] += 1
        self._most_in_flight[call.model] = max(self._most_in_flight[call.model], self._in_flight[call.model])
        try:
            if self._random.random() < self._refuse:
                return self._refused(call)
            await asyncio.sleep(self._latency)
            if self._random.random() < self._fail:
                return web.json_response({"error": {"message": "broken", "type": "server_error"}}, status=500)
            return web.json_response(self._answer(call, body))
        finally:
            self._in_flight[call.model] -= 1
            call.replied = time.time()

    def _refused(self, call: Call) -> web.Response:
        call.retry_after = self._random.randint(1, 3)
        error = {"message": "too fast", "type": "requests", "param": None, "code": "rate_limit_exceeded"}
        headers = {"Retry-After": str(call.retry_after)}
        return web.json_response({"error": error}, status=429, headers=headers)

    def _answer(self, call: Call, body: dict[str, object]) -> dict[str, object]:
        allowed = int(str(body.get("max_completion_tokens", 10)))
        said = self._random.randint(1, allowed)
        read = len(json.dumps(body["messages"])) // 5
        call.tokens = read + said
        message = {"role": "assistant", "content": "noted"}
        return {
            "id": "chatcmpl-arrivals",
            "object": "chat.completion",
            "created": int(call.arrived),
            "model": call.model,
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": read, "completion_tokens": said, "total_tokens": call.tokens},
        }

    async def _report(self, _: web.Request) -> web.Response:
        calls = [vars(call) for call in self._calls]
        return web.json_response({"calls": calls, "most_in_flight": self._most_in_flight})


async def serve(server: Server, port: int) -> None:
    """Serve on loopback until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    await stop.wait()
    await runner.cleanup()


def main() -> int:
    """Run the server."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--latency", type=float, default=0.2, help="seconds")
    parser.add_argument("--refuse", type=float, default=0.0, help="share of the calls that get 429, 0 to 1")
    parser.add_argument("--fail", type=float, default=0.0, help="share of the calls that get 500, 0 to 1")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    server = Server(latency=chosen.latency, refuse=chosen.refuse, fail=chosen.fail, random=Random(chosen.seed))
    asyncio.run(serve(server, chosen.port))
    return 0


if __name__ == "__main__":
    sys.exit(main())
