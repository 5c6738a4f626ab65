"""What an answer has to repeat of its request, and nothing else needs of a job."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .compression import pack, unpack
from .connection import translated
from .jobs import JobStore
from .scripts import milliseconds


class EchoStore:
    """Keeps echoes as long as the records of their jobs may be there."""

    def __init__(self, jobs: JobStore) -> None:
        self._redis, self._keys, self._settings = jobs.redis, jobs.keys, jobs.settings

    async def keep(self, job_id: str, echo: Mapping[str, Any], *, expires_in: float | None) -> None:
        """Keep what is to be repeated for a job that may take `expires_in` seconds (None: the setting)."""
        settings = self._settings
        after = max(settings.result_ttl_seconds, settings.dead_ttl_seconds)
        seconds = (expires_in or settings.expires_in_seconds) + after
        with translated():
            await self._redis.set(self._keys.key("echo", job_id), pack(json.dumps(echo)), px=milliseconds(seconds))

    async def get(self, job_id: str) -> dict[str, Any]:
        """Return what is to be repeated; empty where nothing was kept."""
        with translated():
            kept: Any = await self._redis.get(self._keys.key("echo", job_id))
        found: dict[str, Any] = json.loads(unpack(kept)) if kept else {}
        return found
