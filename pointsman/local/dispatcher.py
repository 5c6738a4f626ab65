"""Runs one dispatcher as a process."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from pointsman.router.config.redis_url import read_redis_url
from pointsman.router.config.settings import Settings
from pointsman.router.dispatcher.loop import Dispatcher
from pointsman.router.routing.catalog import load_catalog
from pointsman.router.store import check_server, open_redis
from pointsman.router.vocabulary.errors import StoreUnavailable

from .signals import reload_on_hangup, stop_on_signals

log = logging.getLogger("pointsman")


def dispatch(settings: Settings) -> None:
    """Run a dispatcher until a signal ends it; it waits while Redis is away."""
    log.info("%s", asyncio.run(_dispatch(settings)))


async def _dispatch(settings: Settings) -> str:
    redis = open_redis(settings.redis_url)
    # this may take seconds, in which the loop would see no signal: until then SIGTERM ends the process at once
    dispatcher = Dispatcher(redis, settings=settings, catalog=load_catalog(settings.models_file))
    stop_on_signals()
    reload_on_hangup(dispatcher.reloads.reload)
    try:
        log.info("dispatching; Redis at %s", read_redis_url(settings.redis_url))
        with suppress(StoreUnavailable):  # the dispatcher says so itself, and waits
            for warning in await check_server(redis, settings):
                log.warning("Redis: %s", warning)
        await dispatcher.run()
    except asyncio.CancelledError:
        return f"the dispatcher has stopped; it bound {dispatcher.bound} jobs"
    finally:
        await redis.aclose()
    return "the dispatcher has ended"
