"""The line in which requests wait for a model that answers only so many at once."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class WaitingLine:
    """First come, first served; the room can change while requests wait, which asyncio's semaphore cannot."""

    def __init__(self) -> None:
        self._room: float = math.inf
        self._served = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def full(self) -> bool:
        """Whether the next request would have to wait."""
        return self._served >= self._room

    @property
    def waiting(self) -> int:
        """The number of requests that wait."""
        return len(self._waiting)

    def resize(self, room: int | None) -> None:
        """Serve `room` requests at once from now on, or all of them."""
        self._room = math.inf if room is None else room
        self._admit()

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait for a turn and hold it."""
        await self._turn()
        try:
            yield
        finally:
            self._leave()

    async def _turn(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._admit()
        try:
            await turn
        except asyncio.CancelledError:
            if turn in self._waiting:
                self._waiting.remove(turn)
            elif not turn.cancelled():
                self._leave()
            raise

    def _leave(self) -> None:
        self._served -= 1
        self._admit()

    def _admit(self) -> None:
        while self._waiting and not self.full:
            turn = self._waiting.popleft()
            if not turn.cancelled():
                self._served += 1
                turn.set_result(None)
