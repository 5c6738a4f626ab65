"""What a dispatcher looks after beside binding: late, lost, expired and forgotten jobs."""

from __future__ import annotations

import asyncio
import logging
import time

from ..config.settings import Settings
from ..routing.model_state import ModelState
from ..routing.plan import Round
from ..store import LaneStore, RoundStore
from ..store.rounds import BATCH, Trouble
from ..store.server_clock import clock_offset

log = logging.getLogger("pointsman.upkeep")

REAP_EVERY_SECONDS = 0.5
"""Well below the gap of 2 s after which reap_leases.lua spares every worker for one lease."""
STEP_SECONDS = 5.0
"""By how much the clock of Redis's host has to be set to be worth a line in the log."""

RENAMES_EVERY_SECONDS = 10.0
"""Between two looks at all lanes: reading twenty thousand of them takes seconds."""

TROUBLES_SHOWN = 20


class Upkeep:
    """Runs release, reap, expire and prune; safe to run in every dispatcher at once."""

    def __init__(self, store: RoundStore, *, settings: Settings, dispatcher: str) -> None:
        self._store, self._settings, self._dispatcher = store, settings, dispatcher
        self._ahead_seconds = 0.0
        self._lanes = LaneStore(store.redis, settings=settings)
        self._stranded: list[str] = []
        self._renames_of, self._renames_at = "", 0.0

    async def reap_forever(self) -> None:
        """Reap in a rhythm of its own, which no other duty can hold up."""
        while True:
            back, ended = await self._store.reap()
            if back or ended:
                log.warning("%d jobs taken back from lost workers, %d of them ended", back + ended, ended)
            await asyncio.sleep(REAP_EVERY_SECONDS)

    async def run(self) -> None:
        """Run the other duties every `upkeep_seconds` until cancelled."""
        while True:
            await self.once()
            await asyncio.sleep(self._settings.upkeep_seconds)

    async def once(self) -> None:
        """Run every duty but reap once."""
        await self._store.announce(self._dispatcher)
        await self._log_troubles()
        await self._look_at_the_clock()
        await self._look_at_renames_now_and_then()
        for duty in (self._store.expire, self._store.prune):
            while await duty() >= BATCH:  # more are due than one script may take
                pass
        for model in await self._store.models():
            released = await self._store.release_due(model, all_of_them=False)
            if released:
                log.warning("%d bindings of %s were not claimed in time and went back", released, model)

    async def _look_at_renames_now_and_then(self) -> None:
        """Look at all lanes, of which there may be many, when the catalog has changed, and else seldom."""
        version, now = self._store.catalog.version, time.monotonic()
        if version == self._renames_of and now < self._renames_at:
            return
        await self._look_at_renames()
        self._renames_of, self._renames_at = version, now + RENAMES_EVERY_SECONDS

    async def _look_at_renames(self) -> None:
        """Move jobs whose class or model is called otherwise now, and say once which wait for nobody."""
        moved = await self._lanes.follow_renames(self._store.catalog)
        if moved:
            log.warning("%d jobs whose class or model has another name now are placed anew", moved)
        stranded = await self._lanes.stranded(self._store.catalog)
        known = {_without_number(line) for line in self._stranded}
        for line in stranded:
            if _without_number(line) not in known:
                log.warning("%s", line)
        self._stranded = stranded

    async def _log_troubles(self) -> None:
        """Write what has happened to single jobs into the log, each once, whichever dispatcher saw it."""
        troubles = await self._store.take_troubles()
        for trouble in troubles[:TROUBLES_SHOWN]:
            log.warning("job %s: %s", trouble.id, _words(trouble))
        if len(troubles) > TROUBLES_SHOWN:
            log.warning("and %d more jobs are in the same kind of trouble", len(troubles) - TROUBLES_SHOWN)

    async def _look_at_the_clock(self) -> None:
        """Say when the clock of Redis's host was set; the one by which we work goes on as if nothing had been."""
        ahead = await clock_offset(self._store.redis, self._store.keys)
        if abs(ahead - self._ahead_seconds) > STEP_SECONDS:
            log.warning("the clock of Redis's host was set: ours goes on, and is %+.0f s from it now", ahead)
            self._ahead_seconds = ahead

    async def release_closed(self, snapshot: Round) -> None:
        """Give back at once what is bound but not claimed where no worker is going to claim it soon."""
        for name, state in snapshot.states.items():
            if state.bound and _overfull(state):
                released = await self._store.release_due(name, all_of_them=True)
                if released:  # another dispatcher may have been faster
                    log.info("%d bindings of %s went back: %s", released, name, state.closed_because(0))


def _without_number(line: str) -> str:
    return line.partition(" ")[2]


def _words(trouble: Trouble) -> str:
    what, _, _ = trouble.why.partition("\n")
    if trouble.what == "quarantined":
        return (
            f"quarantined after {trouble.times} faults in a row: {what}. See: pointsman why {trouble.id}; "
            f"once mended: pointsman retry {trouble.id}, or all of them: pointsman retry --kind quarantined"
        )
    if trouble.what == "lost":
        return f"{what}, so it is forgotten. Does Redis throw keys away? maxmemory-policy must be noeviction"
    if trouble.what == "newer":
        return f"its payload is newer than its workers, so it waits: {what}"
    return f"fault {trouble.times}, it is tried again by itself: {what}"


def _overfull(state: ModelState) -> bool:
    """Whether the model is closed or suspect, or has more jobs than its workers, some of whom may have gone."""
    later = max(state.cooled_until, state.open_until) > state.now
    closed = later or bool(state.paused or state.down) or state.suspected
    return closed or state.depth > state.announced + int(state.announced * state.window)
