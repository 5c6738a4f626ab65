"""Gathers calls of one script that come while another round trip is under way, and sends them together."""

from __future__ import annotations

import asyncio
from typing import Any

from .calls.contract import Answer, Call, Packed
from .scripts import Scripts

MOST = 200
"""Calls in one round trip: a few milliseconds of Redis's time, in which nobody else is served."""


class CallBatcher:
    """Runs scripts; calls of the same moment share a round trip, and none waits for company."""

    def __init__(self, scripts: Scripts, name: str) -> None:
        self._scripts, self._name = scripts, name
        self._waiting: list[tuple[Packed[Any], asyncio.Future[Any]]] = []
        self._sending: asyncio.Task[None] | None = None

    async def run(self, call: Call[Answer]) -> Answer:
        """Run the script of a call; raises StoreUnavailable when Redis is away or refuses to write."""
        waits: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((call.pack(), waits))
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send(), name=f"gathering {self._name}")
        return await waits

    async def _send(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            try:
                answers = await self._scripts.try_many([call for call, _ in batch])
            except Exception as error:  # each of the callers gets it
                answers = [error] * len(batch)
            for (_, waits), answer in zip(batch, answers, strict=True):
                _resolve(waits, answer)


def _resolve(waits: asyncio.Future[Any], answer: Any) -> None:
    if waits.done():  # its caller was cancelled meanwhile
        return
    if isinstance(answer, Exception):
        waits.set_exception(answer)
    else:
        waits.set_result(answer)
