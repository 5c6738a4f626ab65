"""One simulated model at work: refuse, wait in line, generate, and perhaps damage the answer."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random

from pointsman.router.vocabulary.errors import ErrorKind

from .answers import Asked, Said, say
from .faults import REFUSALS, Failure, draw_damage, draw_fault
from .ledger import Ledger
from .line import Line
from .settings import SimulatedModel, Simulation, pace_of
from .window import RequestWindow, WindowLeft


class Backend:
    """The line and the request window of one upstream model."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._line = Line()
        self._window = RequestWindow()

    def resize(self, model: SimulatedModel) -> None:
        """Take over a changed concurrency; those that wait are let in at once."""
        self._line.resize(model.concurrency)

    def _left(self, model: SimulatedModel) -> WindowLeft | None:
        if not model.says_limits or model.requests_per_minute is None:
            return None
        return self._window.left(model.requests_per_minute, now=time.monotonic(), seconds=model.minute_seconds)

    @asynccontextmanager
    async def serving(self, asked: Asked, simulation: Simulation) -> AsyncIterator[Said | Failure]:
        """Yield the answer to a request, as the simulation says, and count it; its place is held meanwhile."""
        nth = self._ledger.begin(asked.upstream, asked.prompt)
        draw = simulation.draw(asked.upstream, asked.prompt, nth)
        try:
            async with self._outcome(asked, simulation, draw) as outcome:
                yield replace(outcome, left=self._left(simulation.model(asked.upstream)))
        except (asyncio.CancelledError, ConnectionResetError):
            # The client hung up.
            self._ledger.count_error(asked.upstream, ErrorKind.CANCELLED)
            raise
        finally:
            self._ledger.end(asked.upstream)

    @asynccontextmanager
    async def _outcome(self, asked: Asked, simulation: Simulation, draw: Random) -> AsyncIterator[Said | Failure]:
        model = simulation.model(asked.upstream)
        fault = draw_fault(model, draw)
        failure = self._refusal(model, fault, late=asked.stream and model.stream_errors)
        if failure is not None:
            self._ledger.count_error(asked.upstream, failure.kind)
            yield failure
            return
        async with self._line.place():
            said = await self._generated(asked, simulation, draw)
            if fault is not None:
                self._ledger.count_error(asked.upstream, fault)
            failure = self._failure(model, fault) if fault is not None else None
            yield replace(said, damage=draw_damage(fault, draw), failure=failure)

    def _refusal(self, model: SimulatedModel, fault: ErrorKind | None, *, late: bool) -> Failure | None:
        minute = model.minute_seconds
        wait = self._window.take(model.requests_per_minute, now=time.monotonic(), seconds=minute)
        if wait > 0:
            return Failure(ErrorKind.RATE_LIMITED, "simulated: too many requests this minute", math.ceil(wait))
        if fault in REFUSALS and not late:
            return self._failure(model, fault)
        if model.queue_limit is not None and self._line.full and self._line.waiting >= model.queue_limit:
            return Failure(ErrorKind.RATE_LIMITED, "simulated: the line is full", model.retry_after_seconds)
        return None

    def _failure(self, model: SimulatedModel, fault: ErrorKind) -> Failure:
        limited = fault is ErrorKind.RATE_LIMITED
        return Failure(fault, f"simulated: {fault}", model.retry_after_seconds if limited else 0.0)

    async def _generated(self, asked: Asked, simulation: Simulation, draw: Random) -> Said:
        """Return what is said: of a whole answer when it is ready, of a stream at once, with its pace."""
        model = simulation.model(asked.upstream)
        said = say(asked, model.answer_tokens, simulation.draw(asked.upstream, asked.prompt, 0))
        pace = pace_of(model, said.output_tokens, draw)
        self._ledger.pay(asked.upstream, asked.prompt)
        if not asked.stream:
            await asyncio.sleep(pace.whole_seconds)
        return replace(said, pace=pace, breaks_at=model.stream_breaks_at)
