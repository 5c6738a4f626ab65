"""The dispatcher: an asyncio loop that classifies, decides and binds. Run as many as you like."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
import time
from random import Random

from redis.asyncio import Redis

from ..broker.message import message_template
from ..config.settings import Settings
from ..routing.catalog import Catalog
from ..routing.classify import Classifier
from ..routing.fault import Fault
from ..routing.model_state import HealthChanges
from ..routing.placement import sort_intake
from ..routing.plan import Bind, Round, plan_round
from ..runtime.cancellation import stop
from ..runtime.forever import forever
from ..store import CatalogReload, DeliveryQueue, RoundStore, listen
from ..vocabulary.errors import StoreUnavailable
from .upkeep import Upkeep
from .webhook_duty import WebhookDuty

log = logging.getLogger("pointsman.dispatcher")

INTAKE_BATCH = 100
AGAIN = frozenset({"bound", "moved", "raced", "faulty"})
"""Answers to a bind after which another round may find more to do at once."""
SHORTEST_ROUND_SECONDS = 0.005
"""Rounds begin no faster than this: what ends in the meantime is bound together. A lone job never waits for it."""
LONGEST_SLEEP_SECONDS = 1.0
"""A dispatcher looks at least this often, in case a wake was lost while its connection was away."""


class Dispatcher:
    """Binds pending jobs to models as long as `run` runs."""

    def __init__(self, redis: Redis, *, settings: Settings, catalog: Catalog, random: Random | None = None) -> None:
        self._redis, self._settings, self._catalog = redis, settings, catalog
        self._random = random or Random()
        self._classifier = Classifier(catalog)
        self.store = RoundStore(redis, settings=settings, catalog=catalog)
        self.name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        self._upkeep = Upkeep(self.store, settings=settings, dispatcher=self.name)
        self._webhooks = WebhookDuty(DeliveryQueue(redis, settings=settings))
        self._templates = {name: message_template(model.queue) for name, model in catalog.models.items()}
        self._woken = asyncio.Event()
        self.bound = 0
        self._skip_lanes = 0
        self._health_changes = HealthChanges()
        self.reloads = CatalogReload(redis, settings=settings, catalog=catalog, take=self._take)
        self._next: tuple[Catalog, Classifier] | None = None

    async def run(self) -> None:
        """Dispatch until cancelled; when Redis is away, say so, wait with backoff and go on."""
        await self._publish_configuration()
        duties = {
            "wake": self._listen,
            "reap": self._upkeep.reap_forever,
            "upkeep": self._upkeep.run,
            "webhooks": self._webhooks.run,
            "dispatch": self._dispatch,
            "reload": self.reloads.run,
        }
        tasks = [asyncio.create_task(forever(name, duty, log=log), name=name) for name, duty in duties.items()]
        try:
            await asyncio.gather(*tasks)
        finally:
            await stop(*tasks)

    async def _take(self, catalog: Catalog) -> None:
        """Have a catalog for the next round: one round sees one configuration."""
        self._next = catalog, await asyncio.to_thread(Classifier, catalog)
        self._woken.set()

    async def _take_next(self) -> None:
        if self._next is None:
            return
        (self._catalog, self._classifier), self._next = self._next, None
        self.store.catalog = self._catalog
        self._templates = {name: message_template(model.queue) for name, model in self._catalog.models.items()}
        await self._publish_configuration()

    async def _publish_configuration(self) -> None:
        try:
            before = await self.store.publish_config()
        except StoreUnavailable as error:
            log.warning("%s", error)
            return
        if before not in ("", self._catalog.version):
            log.warning(
                "the configuration in force was version %s and is now %s; workers with the old one release what "
                "they do not know",
                before, self._catalog.version,
            )  # fmt: skip

    async def _listen(self) -> None:
        """Turn messages into events, one for each channel; several that come at once are one."""
        keys = self.store.keys
        woken = {keys.key("wake"): self._woken, keys.key("delivery_due"): self._webhooks.woken}

        async def wake_all() -> None:
            for event in woken.values():
                event.set()

        await listen(self._redis, list(woken), lambda channel, _: woken[channel].set(), on_subscribed=wake_all)

    async def _dispatch(self) -> None:
        began = 0.0
        while True:
            await asyncio.sleep(began + SHORTEST_ROUND_SECONDS - time.monotonic())
            began = time.monotonic()
            self._woken.clear()
            await self._take_next()
            snapshot = await self.round()
            if snapshot is not None:
                if not snapshot.lanes:
                    began = 0.0  # nothing waits: who comes next is bound at once
                await self._sleep(self._idle_seconds(snapshot))

    async def round(self) -> Round | None:
        """Run one round; returns what it saw, or None when another round should follow at once."""
        snapshot = await self.store.read(skip_lanes=self._skip_lanes)
        for line in self._health_changes.since_last_look(snapshot.states):
            log.warning("%s", line)
        classified = bool(snapshot.intake) and await self._classify() > 0
        if classified and not snapshot.lanes:  # who waits alone is bound in the same round
            snapshot = await self.store.read(skip_lanes=self._skip_lanes)
        if snapshot.next_due is not None and snapshot.next_due <= snapshot.now:
            await self.store.promote()
            return None
        await self._upkeep.release_closed(snapshot)
        plan = plan_round(snapshot, self._catalog, limit=self._settings.bind_batch, random=self._random)
        changed = await self._put_aside([*snapshot.faults, *plan.faults]) > 0 or classified
        changed = bool(plan.too_new and any(await self.store.defer(plan.too_new))) or changed
        if not plan.binds:
            further = self._look_further(snapshot)
            return None if changed else further
        self._skip_lanes = 0
        answers = await self._bind(plan.binds, snapshot)
        return None if changed or AGAIN & set(answers) else snapshot

    async def _bind(self, binds: list[Bind], snapshot: Round) -> list[str]:
        token = secrets.token_hex(12)
        answers = await self.store.bind(binds, templates=self._templates, token=token, cursors=snapshot.cursors)
        bound = answers.count("bound")
        self.bound += bound
        log.debug("bound %d of %d jobs", bound, len(binds))
        return answers

    async def _put_aside(self, faults: list[Fault]) -> int:
        """Count the faults of jobs, which have no others to suffer for them; returns how many left their lanes."""
        if not faults:
            return 0
        answers = await self.store.put_aside(faults)
        return len(answers) - answers.count("gone")

    def _look_further(self, snapshot: Round) -> Round | None:
        """Go on to the lanes behind those that were read; begin anew behind the last."""
        self._skip_lanes = self._skip_lanes + len(snapshot.lanes) if snapshot.more_lanes else 0
        return None if snapshot.more_lanes else snapshot

    async def _classify(self) -> int:
        intake = await self.store.read_intake(INTAKE_BATCH)
        result = sort_intake(intake.jobs, self._catalog, classifier=self._classifier)
        moved = await self.store.classify(result.with_lane) if result.with_lane else 0
        moved += await self.store.reject(result.rejected) if result.rejected else 0
        return moved + await self._put_aside([*intake.faults, *result.faults])

    def _idle_seconds(self, snapshot: Round) -> float:
        """Return how long to sleep unless woken: until the next moment at which time alone changes something."""
        moments = [state.opens_at() for state in snapshot.states.values()] if snapshot.lanes else []
        due = [moment for moment in (*moments, snapshot.next_due) if moment is not None and moment > snapshot.now]
        until = min(due, default=snapshot.now + 60_000) - snapshot.now
        return min(max(until / 1000, 0.001), LONGEST_SLEEP_SECONDS)

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            pass
