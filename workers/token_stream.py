"""Tells Redis what models say while they say it: all that this process has heard, in one round trip every 50 ms."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from pointsman.router.store import Held, Piece, WorkStore
from pointsman.router.vocabulary.errors import StoreUnavailable

from .leases import Leases

log = logging.getLogger("pointsman.telling")

EVERY_SECONDS = 0.05
"""People read it as one flow, and thousands of streams cost Redis twenty scripts a second."""

AGAIN_SECONDS = 0.5
LAST_SECONDS = 2.0
"""How long a job's last words may hold up its settling; what Redis did not get stands in the result."""


class Telling:
    """What one call says. `told` is whether any of it may have reached Redis; seconds count from its beginning."""

    def __init__(self, held: Held, news: asyncio.Event) -> None:
        self._held, self._news = held, news
        self._began = time.monotonic()
        self._offset = 0
        self.waiting = ""
        self.told = False
        self.first_token_seconds: float | None = None

    def hear(self, text: str) -> None:
        """Take the next piece."""
        if self.first_token_seconds is None:
            self.first_token_seconds = time.monotonic() - self._began
        self.waiting += text
        self._news.set()

    def piece(self) -> Piece:
        """Return all that waits, to be sent; from now on somebody may have read it."""
        self.told = True
        return Piece(self._held.job_id, self._held.binding, self._offset, self.waiting)

    def arrived(self, piece: Piece) -> None:
        """Note that Redis has a piece; more may have come behind it meanwhile."""
        self._offset += len(piece.text.encode())
        self.waiting = self.waiting[len(piece.text) :]


class Teller:
    """Sends the pieces of all calls of one worker process, each call's in order."""

    def __init__(self, store: WorkStore, leases: Leases) -> None:
        self._store, self._leases = store, leases
        self._tellings: dict[tuple[str, int], Telling] = {}
        self._news = asyncio.Event()
        self._sending = asyncio.Lock()

    @contextmanager
    def telling(self, held: Held) -> Iterator[Telling]:
        """Send what is heard inside the block."""
        key = held.job_id, held.binding
        self._tellings[key] = Telling(held, self._news)
        try:
            yield self._tellings[key]
        finally:
            self._silence(key)

    async def tell_forever(self) -> None:
        """Send until cancelled; sleeps while nothing is said, and keeps what Redis can not take now."""
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await self._send()
                await asyncio.sleep(EVERY_SECONDS)
            except StoreUnavailable as error:
                log.warning("what models say can not be told: %s", error)
                await self._wait_to_try_again()
            except Exception:  # the answers themselves stand in the results
                log.exception("what models say can not be told")
                await self._wait_to_try_again()

    async def _wait_to_try_again(self) -> None:
        self._news.set()
        await asyncio.sleep(AGAIN_SECONDS)

    async def finish(self, job_id: str, binding: int, *, failed: bool) -> None:
        """Send the last words of a call before its job is settled, unless Redis is away.

        Of a call that failed before anything was sent nothing is: so the job can be tried again.
        """
        telling = self._tellings.get((job_id, binding))
        if telling is None:
            return
        if failed and not telling.told:
            telling.waiting = ""
        try:
            async with asyncio.timeout(LAST_SECONDS):
                while telling.waiting:
                    await self._send()
        except (StoreUnavailable, TimeoutError) as error:
            log.warning("the last words of job %s can not be told: %s", job_id, error)

    async def _send(self) -> None:
        async with self._sending:
            speaking = [(key, telling) for key, telling in self._tellings.items() if telling.waiting]
            if not speaking:
                return
            pieces = [telling.piece() for _, telling in speaking]
            kept = await self._store.append_tokens(pieces)
            for (key, telling), piece, got in zip(speaking, pieces, kept, strict=True):
                if got:
                    telling.arrived(piece)
                else:
                    self._silence(key)  # its binding is stale, or Redis lost what came before
            if not all(kept):
                await self._leases.renew()  # it knows the calls whose binding is stale, and stops them

    def _silence(self, key: tuple[str, int]) -> None:
        """Send nothing more of a call."""
        telling = self._tellings.pop(key, None)
        if telling is not None:
            telling.waiting = ""
