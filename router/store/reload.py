"""Takes a changed models.yaml into a running part: as a whole, or not at all."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from ..config.settings import Settings
from ..routing.catalog import Catalog, load_catalog
from ..vocabulary.errors import ConfigError, StoreUnavailable
from .connection import translated
from .keys import Keys

log = logging.getLogger("pointsman.config")

LOOK_SECONDS = 2.0

Take = Callable[[Catalog], Awaitable[None]]
"""Puts a catalog to use; raises ConfigError where this part cannot, and then nothing has changed."""


class CatalogReload:
    """Reloads where it is asked to, by a signal or through Redis, and reports an edit that nobody asked to take."""

    def __init__(self, redis: Redis, *, settings: Settings, catalog: Catalog, take: Take) -> None:
        self._redis, self._key, self._path = redis, Keys(settings.key_prefix).key("config"), settings.models_file
        self._version, self._take = catalog.version, take
        self._seen = _stamp(self._path)
        self._asked: str | None = None
        self._turn = asyncio.Lock()

    async def run(self) -> None:
        """Look every few seconds, until cancelled."""
        while True:
            try:
                if await self._is_asked():
                    await self.reload()
                await self._report_edit()
            except StoreUnavailable:
                pass  # every other duty says so
            except Exception:  # a part that cannot look goes on with what it has
                log.exception("%s cannot be looked at", self._path)
            await asyncio.sleep(LOOK_SECONDS)

    async def reload(self) -> None:
        """Take the file as it is now; where it is wrong, say why and keep what is in force."""
        async with self._turn:
            self._seen = _stamp(self._path)
            try:
                catalog = await asyncio.to_thread(load_catalog, self._path)
                if catalog.version == self._version:
                    log.info("%s has version %s, which is in force already", self._path, self._version)
                    return
                await self._take(catalog)
            except ConfigError as error:
                log.error("version %s of the configuration stays in force: %s", self._version, error)
                return
            log.warning("version %s of the configuration is in force, after %s", catalog.version, self._version)
            self._version = catalog.version

    async def _is_asked(self) -> bool:
        with translated():
            asked: Any = await self._redis.hget(self._key, "reload")
        before, self._asked = self._asked, asked or ""
        return before is not None and self._asked != before

    async def _report_edit(self) -> None:
        stamp = _stamp(self._path)
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            version = (await asyncio.to_thread(load_catalog, self._path)).version
        except ConfigError as error:
            log.warning("this part goes on with version %s, but could not start again: %s", self._version, error)
            return
        if version != self._version:
            log.warning(
                "%s has version %s now, and this part still has %s: take it with `pointsman reload` or SIGHUP",
                self._path, version, self._version,
            )  # fmt: skip


async def ask_to_reload(redis: Redis, settings: Settings) -> None:
    """Ask every part to take its models file as it is now; each does so within a few seconds."""
    with translated():
        await redis.hset(Keys(settings.key_prefix).key("config"), "reload", secrets.token_hex(8))


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
