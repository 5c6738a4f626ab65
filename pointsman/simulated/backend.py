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

from .answers import ParsedRequest, SimulatedAnswer, make_answer
from .faults import REFUSALS, Failure, draw_damage, draw_fault
from .ledger import CallLedger
from .line import WaitingLine
from .settings import SimulatedModel, Simulation, pace_of
from .window import RequestWindow, WindowLeft


class SimulatedBackend:
    """The line and the request window of one upstream model."""

    def __init__(self, ledger: CallLedger) -> None:
        self._ledger = ledger
        self._line = WaitingLine()
        self._window = RequestWindow()

    def resize(self, model: SimulatedModel) -> None:
        """Take over a changed concurrency; those that wait are let in at once."""
        self._line.resize(model.concurrency)

    def _left(self, model: SimulatedModel) -> WindowLeft | None:
        if not model.sends_limits or model.requests_per_minute is None:
            return None
        return self._window.left(model.requests_per_minute, now=time.monotonic(), seconds=model.minute_seconds)

    @asynccontextmanager
    async def serving(
        self, parsed: ParsedRequest, simulation: Simulation
    ) -> AsyncIterator[SimulatedAnswer | Failure]:
        """Yield the answer to a request, as the simulation says, and count it; its place is held meanwhile."""
        nth = self._ledger.begin(parsed.upstream, parsed.prompt)
        draw = simulation.draw(parsed.upstream, parsed.prompt, nth)
        try:
            async with self._outcome(parsed, simulation, draw) as outcome:
                yield replace(outcome, left=self._left(simulation.model(parsed.upstream)))
        except (asyncio.CancelledError, ConnectionResetError):
            # The client hung up.
            self._ledger.count_error(parsed.upstream, ErrorKind.CANCELLED)
            raise
        finally:
            self._ledger.end(parsed.upstream)

    @asynccontextmanager
    async def _outcome(
        self, parsed: ParsedRequest, simulation: Simulation, draw: Random
    ) -> AsyncIterator[SimulatedAnswer | Failure]:
        model = simulation.model(parsed.upstream)
        fault = draw_fault(model, draw)
        failure = self._refusal(model, fault, late=parsed.stream and model.stream_errors)
        if failure is not None:
            self._ledger.count_error(parsed.upstream, failure.kind)
            yield failure
            return
        async with self._line.slot():
            answer = await self._generated(parsed, simulation, draw)
            if fault is not None:
                self._ledger.count_error(parsed.upstream, fault)
            failure = self._failure(model, fault) if fault is not None else None
            yield replace(answer, damage=draw_damage(fault, draw), failure=failure)

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

    async def _generated(self, parsed: ParsedRequest, simulation: Simulation, draw: Random) -> SimulatedAnswer:
        """Return what is said: of a whole answer when it is ready, of a stream at once, with its pace."""
        model = simulation.model(parsed.upstream)
        answer = make_answer(parsed, model.answer_tokens, simulation.draw(parsed.upstream, parsed.prompt, 0))
        pace = pace_of(model, answer.output_tokens, draw)
        self._ledger.pay(parsed.upstream, parsed.prompt)
        if not parsed.stream:
            await asyncio.sleep(pace.whole_seconds)
        return replace(answer, pace=pace, breaks_at=model.stream_breaks_at)
