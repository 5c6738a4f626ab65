"""One simulated model at work: refuse, wait in line, generate, and perhaps damage the answer."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import replace
from random import Random

from router.errors import ErrorKind

from .answers import Asked, Said, say
from .faults import REFUSALS, Failure, draw_damage, draw_fault
from .ledger import Ledger
from .line import Line
from .settings import SimulatedModel, Simulation, latency_seconds
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

    async def serve(self, asked: Asked, simulation: Simulation) -> Said | Failure:
        """Answer a request as the simulation says, and count it."""
        nth = self._ledger.begin(asked.upstream, asked.prompt)
        draw = simulation.draw(asked.upstream, asked.prompt, nth)
        try:
            outcome = await self._outcome(asked, simulation, draw)
            return replace(outcome, left=self._left(simulation.model(asked.upstream)))
        except asyncio.CancelledError:
            # The client hung up.
            self._ledger.count_error(asked.upstream, ErrorKind.CANCELLED)
            raise
        finally:
            self._ledger.end(asked.upstream)

    async def _outcome(self, asked: Asked, simulation: Simulation, draw: Random) -> Said | Failure:
        model = simulation.model(asked.upstream)
        fault = draw_fault(model, draw)
        failure = self._refusal(model, fault)
        if failure is not None:
            self._ledger.count_error(asked.upstream, failure.kind)
            return failure
        said = await self._generated(asked, simulation, draw)
        if fault is not None:
            self._ledger.count_error(asked.upstream, fault)
        return replace(said, damage=draw_damage(fault, draw))

    def _refusal(self, model: SimulatedModel, fault: ErrorKind | None) -> Failure | None:
        minute = model.minute_seconds
        wait = self._window.take(model.requests_per_minute, now=time.monotonic(), seconds=minute)
        if wait > 0:
            return Failure(ErrorKind.RATE_LIMITED, "simulated: too many requests this minute", math.ceil(wait))
        if fault in REFUSALS:
            limited = fault is ErrorKind.RATE_LIMITED
            return Failure(fault, f"simulated: {fault}", model.retry_after_seconds if limited else 0.0)
        if model.queue_limit is not None and self._line.full and self._line.waiting >= model.queue_limit:
            return Failure(ErrorKind.RATE_LIMITED, "simulated: the line is full", model.retry_after_seconds)
        return None

    async def _generated(self, asked: Asked, simulation: Simulation, draw: Random) -> Said:
        model = simulation.model(asked.upstream)
        said = say(asked, model.answer_tokens, simulation.draw(asked.upstream, asked.prompt, 0))
        async with self._line.place():
            self._ledger.pay(asked.upstream, asked.prompt)
            await asyncio.sleep(latency_seconds(model, said.output_tokens, draw))
        return said
