"""Looks at jobs and models while the demo runs, and shows them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from rich.console import Console
from rich.live import Live

from pointsman.router.config.settings import Settings
from pointsman.router.store import JobStore, ModelStore, open_redis
from pointsman.router.vocabulary.job import JobRecord

from ..local.up import Running
from .scene import News, Scene
from .view import news_line, picture

EVERY_SECONDS = 0.2
Refresh = Callable[[Scene], None]


class Notices(logging.Handler):
    """Turns what our own process tree logs, such as a part that is started again, into news."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(logging.WARNING)
        self._scene = scene

    def emit(self, record: logging.LogRecord) -> None:
        """Say it in the view, which a log line would break."""
        self._scene.add_news(record.getMessage())


@contextmanager
def news_of_parts(scene: Scene) -> Iterator[None]:
    """Show what the process tree logs as news, in place of log lines."""
    logger, notices = logging.getLogger("pointsman.local.up"), Notices(scene)
    logger.addHandler(notices)
    logger.propagate = False
    try:
        yield
    finally:
        logger.propagate = True
        logger.removeHandler(notices)


@asynccontextmanager
async def shown(console: Console, title: str) -> AsyncIterator[tuple[Callable[[News], None], Refresh]]:
    """Yield what takes news and what draws a scene: live in a terminal, else as lines of text."""
    if not console.is_terminal:
        yield lambda news: console.print(news_line(news)), lambda scene: None
        return
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
        yield lambda news: None, lambda scene: live.update(picture(scene, title), refresh=True)


async def watch(scene: Scene, found: Running, settings: Settings, refresh: Refresh) -> None:
    """Look at the scene a few times a second, for ever."""
    redis = open_redis(found.redis_url)
    jobs = JobStore(redis, settings=settings, catalog=found.catalog)
    models = ModelStore(redis, settings=settings, catalog=found.catalog)
    try:
        while True:
            records = await jobs.get_many(list(scene.ids))
            scene.look([record for record in records if record is not None], await models.views())
            refresh(scene)
            await asyncio.sleep(EVERY_SECONDS)
    finally:
        await redis.aclose()


async def final_records(found: Running, settings: Settings, ids: Sequence[str]) -> list[JobRecord | None]:
    """Return the jobs as Redis knows them, None for one that is gone."""
    redis = open_redis(found.redis_url)
    try:
        return await JobStore(redis, settings=settings, catalog=found.catalog).get_many(ids)
    finally:
        await redis.aclose()
