"""Writes the text of streamed answers to Redis: all pieces of this process in one round trip every 50 ms."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from pointsman.router.runtime.forever import forever
from pointsman.router.store import AttemptStore, HeldJob, StreamedPiece
from pointsman.router.vocabulary.errors import StoreUnavailable

from .leases import Leases

log = logging.getLogger("pointsman.token_stream")

EVERY_SECONDS = 0.05
"""People read it as one flow, and thousands of streams cost Redis twenty scripts a second."""

AGAIN_SECONDS = 0.5
LAST_SECONDS = 2.0
"""How long a job's last words may hold up its settling; what Redis did not get stands in the result."""


class TokenStream:
    """What one call says. `sent` is whether any of it may have reached Redis; seconds count from its beginning."""

    def __init__(self, held: HeldJob, has_text: asyncio.Event) -> None:
        self._held, self._has_text = held, has_text
        self._began = time.monotonic()
        self._offset = 0
        self.waiting = ""
        self.sent = False
        self.first_token_seconds: float | None = None

    def note(self, _: str) -> None:
        """Note when the first piece came, of an answer that nobody reads meanwhile."""
        if self.first_token_seconds is None:
            self.first_token_seconds = time.monotonic() - self._began

    def on_text(self, text: str) -> None:
        """Take the next piece."""
        self.note(text)
        self.waiting += text
        self._has_text.set()

    def piece(self) -> StreamedPiece:
        """Return all that waits, to be sent; from now on somebody may have read it."""
        self.sent = True
        return StreamedPiece(self._held.job_id, self._held.binding, self._offset, self.waiting)

    def confirm(self, piece: StreamedPiece) -> None:
        """Note that Redis has a piece; more may have come behind it meanwhile."""
        self._offset += len(piece.text.encode())
        self.waiting = self.waiting[len(piece.text) :]


class TokenPublisher:
    """Sends the pieces of all calls of one worker process, each call's in order."""

    def __init__(self, store: AttemptStore, leases: Leases) -> None:
        self._store, self._leases = store, leases
        self._streams: dict[tuple[str, int], TokenStream] = {}
        self._has_text = asyncio.Event()
        self._sending = asyncio.Lock()

    @contextmanager
    def open_stream(self, held: HeldJob) -> Iterator[TokenStream]:
        """Publish what is streamed inside the block."""
        key = held.job_id, held.binding
        self._streams[key] = TokenStream(held, self._has_text)
        try:
            yield self._streams[key]
        finally:
            self._drop(key)

    async def publish_forever(self) -> None:
        """Send until cancelled; what Redis cannot take now is kept."""
        await forever("streamed text", self._publish, log=log, longest_backoff_seconds=AGAIN_SECONDS)

    async def _publish(self) -> None:
        while True:
            await self._has_text.wait()
            self._has_text.clear()
            try:
                await self._send()
            except BaseException:
                self._has_text.set()
                raise
            await asyncio.sleep(EVERY_SECONDS)

    async def finish(self, job_id: str, binding: int, *, failed: bool) -> None:
        """Send the last words of a call before its job is settled, unless Redis is away.

        Of a call that failed before anything was sent nothing is: so the job can be tried again.
        """
        token_stream = self._streams.get((job_id, binding))
        if token_stream is None:
            return
        if failed and not token_stream.sent:
            token_stream.waiting = ""
        try:
            async with asyncio.timeout(LAST_SECONDS):
                while token_stream.waiting:
                    await self._send()
        except (StoreUnavailable, TimeoutError) as error:
            log.warning("the last text of job %s cannot be published: %s", job_id, error)

    async def _send(self) -> None:
        async with self._sending:
            streaming = [(key, token_stream) for key, token_stream in self._streams.items() if token_stream.waiting]
            if not streaming:
                return
            pieces = [token_stream.piece() for _, token_stream in streaming]
            kept = await self._store.append_tokens(pieces)
            for (key, token_stream), piece, got in zip(streaming, pieces, kept, strict=True):
                if got:
                    token_stream.confirm(piece)
                else:
                    self._drop(key)  # its binding is stale, or Redis lost what came before
            if not all(kept):
                await self._leases.renew()  # it knows the calls whose binding is stale, and stops them

    def _drop(self, key: tuple[str, int]) -> None:
        """Send nothing more of a call."""
        token_stream = self._streams.pop(key, None)
        if token_stream is not None:
            token_stream.waiting = ""
