"""What a dispatcher looks after beside binding: late, lost, expired and forgotten jobs."""

from __future__ import annotations

import asyncio
import logging

from .round import Round
from .settings import Settings
from .store import RoundStore

log = logging.getLogger("pointsman.upkeep")


class Upkeep:
    """Runs release, reap, expire and prune in turn; safe to run in every dispatcher at once."""

    def __init__(self, store: RoundStore, *, settings: Settings, dispatcher: str) -> None:
        self._store, self._settings, self._dispatcher = store, settings, dispatcher

    async def run(self) -> None:
        """Run all duties every `upkeep_seconds` until cancelled."""
        while True:
            await self.once()
            await asyncio.sleep(self._settings.upkeep_seconds)

    async def once(self) -> None:
        """Run all duties once."""
        await self._store.announce(self._dispatcher)
        back, ended = await self._store.reap()
        if back or ended:
            log.warning("%d jobs taken back from lost workers, %d of them ended", back + ended, ended)
        for model in await self._store.models():
            released = await self._store.release_due(model, all_of_them=False)
            if released:
                log.warning("%d bindings of %s were not claimed in time and went back", released, model)
        await self._store.expire()
        await self._store.prune()

    async def release_closed(self, seen: Round) -> None:
        """Give back at once what is bound but not claimed at models that are closed or have no worker left."""
        for name, state in seen.states.items():
            gone = state.down or state.paused or state.announced == 0 or state.cooled_until > state.now
            if state.bound and gone:
                released = await self._store.release_due(name, all_of_them=True)
                log.info("%d bindings of %s went back: %s", released, name, state.closed_because(0))
