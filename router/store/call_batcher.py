"""Gathers calls of one script that come while another round trip is under way, and sends them together."""

from __future__ import annotations

import asyncio
from typing import Any

from .scripts import Argument, Scripts

MOST = 200
"""Calls in one round trip: a few milliseconds of Redis's time, in which nobody else is served."""


class CallBatcher:
    """Runs one script; calls of the same moment share a round trip, and none waits for company."""

    def __init__(self, scripts: Scripts, name: str) -> None:
        self._scripts, self._name = scripts, name
        self._waiting: list[tuple[tuple[Argument, ...], asyncio.Future[Any]]] = []
        self._sending: asyncio.Task[None] | None = None

    async def run(self, *arguments: Argument) -> Any:
        """Run the script; raises StoreUnavailable when Redis is away or refuses to write."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((arguments, answer))
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send(), name=f"gathering {self._name}")
        return await answer

    async def _send(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            try:
                answers = await self._scripts.try_many(self._name, [arguments for arguments, _ in batch])
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
