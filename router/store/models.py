"""Models as people see them: live depth, slots, workers, rates, health; and the operator's pause and resume."""

from __future__ import annotations

import json
from asyncio import to_thread
from collections.abc import Sequence
from random import Random
from typing import Any

from redis.asyncio import Redis

from ..config.settings import Settings
from ..routing.catalog import Catalog
from ..routing.explain import explain
from ..routing.model_state import ModelState
from ..routing.preference import suspicion_words
from ..vocabulary.delivery import DeliveryState
from ..vocabulary.job import PAYLOAD_SCHEMA, JobSpec
from ..vocabulary.views import Explanation, ModelView
from .calls import PauseModel
from .connection import translated
from .lanes import LaneStore
from .round_answer import parsed_lane
from .rounds import RoundStore
from .scripts import Scripts, milliseconds
from .server_clock import clock_offset, server_time
from .webhook_queue import DeliveryQueue

TROUBLES = ("no live worker:", "down:", "paused:", "breaker", "suspect:")
"""How the status of a model begins that somebody has to look after."""

SECONDS_OFF = 5.0
"""From which on the difference between our clock and that of Redis's host is worth a warning."""


class ModelStore:
    """Reads the state of all models and changes their health by hand."""

    def __init__(self, redis: Redis, *, settings: Settings, catalog: Catalog) -> None:
        self.redis, self.settings = redis, settings
        self._rounds = RoundStore(redis, settings=settings, catalog=catalog)
        self._scripts = Scripts(redis, self._rounds.keys)

    def take(self, catalog: Catalog) -> None:
        """Look at the models of another catalog from now on."""
        self._rounds.catalog = catalog

    async def views(self) -> list[ModelView]:
        """Return every configured model, in the order of the configuration."""
        snapshot = await self._rounds.read()
        keys = self._rounds.keys
        with translated():
            lanes: Any = await self.redis.zrange(keys.key("lanes"), 0, -1)
            pipeline = self.redis.pipeline(transaction=False)
            for lane in lanes:
                pipeline.zcard(keys.key("lane", lane))
            for name in snapshot.states:
                pipeline.hgetall(keys.key("stats", name))
            rows = await pipeline.execute()
        waiting = _waiting(lanes, rows[: len(lanes)])
        stats = rows[len(lanes) :]
        return [
            _view(state, waiting.get(name, 0), fields)
            for (name, state), fields in zip(snapshot.states.items(), stats, strict=True)
        ]

    async def live_dispatchers(self) -> list[str]:
        """Return the names of the dispatchers that announced themselves lately."""
        with translated():
            now = await server_time(self.redis, self._rounds.keys)
            since = milliseconds(now - self._rounds.settings.presence_seconds)
            names: Any = await self.redis.zrange(self._rounds.keys.key("dispatchers"), since, "+inf", byscore=True)
        return list(names)

    async def live_workers(self, model: str) -> list[str]:
        """Return the names of a model's live workers, `<celery node>:<pid>:<random>`."""
        with translated():
            now = await server_time(self.redis, self._rounds.keys)
            entries: Any = await self.redis.hgetall(self._rounds.keys.key("workers", model))
        return [name for name, entry in entries.items() if _expires(entry) > now * 1000]

    async def warnings(self, views: Sequence[ModelView]) -> list[str]:
        """Return what keeps jobs from being done, in words that say what to do."""
        found = []
        if not await self.live_dispatchers():
            found.append("no dispatcher is running, so nothing is bound; start one with: pointsman dispatch")
        found += [f"{view.name}: {view.status}" for view in views if view.status.startswith(TROUBLES)]
        found += await self._clock_warnings()
        found += await LaneStore(self.redis, settings=self.settings).stranded(self._rounds.catalog)
        return found + await self._too_old_workers() + await self._webhook_warnings()

    async def _clock_warnings(self) -> list[str]:
        """Return what is wrong with the clock of Redis's host."""
        ahead = await clock_offset(self.redis, self._rounds.keys)
        if abs(ahead) < SECONDS_OFF:
            return []
        direction = "back" if ahead > 0 else "forward"
        return [
            f"the clock of Redis's host was set {direction}: ours is {abs(ahead):.0f} s "
            f"{'ahead of' if ahead > 0 else 'behind'} it, and comes back to it by 1 % of the time that passes"
        ]

    async def _too_old_workers(self) -> list[str]:
        """Return which models have workers that cannot read what is submitted here."""
        states = (await self._rounds.read()).states
        reasons = {name: state.unread_because(PAYLOAD_SCHEMA) for name, state in states.items()}
        return [f"{name}: {why}" for name, why in reasons.items() if why]

    async def _webhook_warnings(self) -> list[str]:
        """Return what keeps webhooks from being sent."""
        with translated():
            waiting: Any = await self.redis.zcard(self._rounds.keys.key("deliveries", DeliveryState.WAITING))
        if not waiting or await DeliveryQueue(self.redis, settings=self.settings).live_senders():
            return []
        return [f"{waiting} webhooks wait and nobody sends them; start one with: pointsman work --webhooks"]

    async def cooled_seconds(self, model: str) -> float:
        """Return for how long nothing is sent to a model, as it asked; 0 where it may be called."""
        with translated():
            now = await server_time(self.redis, self._rounds.keys)
            until: Any = await self.redis.hget(self._rounds.keys.key("model", model), "cooled_until")
        return max(0.0, float(until or 0) / 1000 - now)

    async def explain(self, spec: JobSpec) -> Explanation:
        """Return where a job would go if it came now, and why; nothing is submitted."""
        return (await self.explain_many([spec]))[0]

    async def explain_many(self, specs: Sequence[JobSpec]) -> list[Explanation]:
        """Return where each of these jobs would go if it alone came now."""
        snapshot, catalog, random = await self._rounds.read(), self._rounds.catalog, Random()
        # the first time, the classifier learns from its examples: that may take a second
        return await to_thread(lambda: [explain(spec, snapshot, catalog, random=random) for spec in specs])

    async def pause(self, model: str, reason: str) -> None:
        """Bind nothing to the model until it is resumed."""
        await self._scripts.run(PauseModel(model=model, reason=reason))

    async def resume(self, model: str) -> None:
        """Bind to the model again, whatever closed it."""
        await self._scripts.run(PauseModel(model=model))


def _expires(entry: str) -> float:
    """Return until when a worker's announcement holds; one that cannot be read does not."""
    try:
        return float(json.loads(entry)["expires"])
    except (ValueError, TypeError, KeyError):
        return 0.0


def _waiting(lanes: list[str], sizes: list[int]) -> dict[str, int]:
    waiting: dict[str, int] = {}
    for lane, size in zip(lanes, sizes, strict=True):
        known = parsed_lane(lane)
        for name in known.waits_for if known else ():
            waiting[name] = waiting.get(name, 0) + size
    return waiting


def _view(state: ModelState, waiting: int, stats: dict[str, Any]) -> ModelView:
    return ModelView(
        name=state.model.name,
        queue=state.model.queue,
        format=state.model.format,
        upstream=state.model.upstream,
        depth=state.depth,
        in_flight=state.running,
        slots=state.slots,
        capacity=state.capacity,
        workers=state.workers,
        waiting=waiting,
        served=state.served,
        succeeded=int(stats.get("succeeded", 0)),
        errors={name[6:]: int(count) for name, count in stats.items() if name.startswith("error:")},
        latency_seconds=_seconds(stats.get("latency_ms")),
        first_token_seconds=_seconds(stats.get("first_token_ms")),
        requests_last_minute=state.requests_in_minute,
        tokens_last_minute=state.tokens_in_minute,
        cost_usd=int(stats.get("cost_micro_usd", 0)) / 1_000_000,
        breaker=state.breaker,
        status=_status(state, waiting),
        most_requests_per_minute=state.model.limits.requests_per_minute,
        most_tokens_per_minute=state.model.limits.tokens_per_minute,
    )


def _seconds(milliseconds: str | None) -> float | None:
    return float(milliseconds) / 1000 if milliseconds else None


def _status(state: ModelState, waiting: int) -> str:
    if state.announced == 0 and waiting:
        return f"no live worker: {waiting} jobs wait; start one with: pointsman work --model {state.model.name}"
    return state.closed_because(0) or _open_status(state)


def _open_status(state: ModelState) -> str:
    """Return what a model that takes jobs is: it may take nothing but probes."""
    if state.suspected:
        return f"{suspicion_words(state)}; probed with the next job"
    return "breaker half-open: probed with a few jobs" if state.breaker == "half_open" else "open"
