"""GET /healthz and /readyz: whether the process lives, and whether it can serve."""

from __future__ import annotations

import asyncio
from typing import Literal

from fastapi import APIRouter, Response

from pointsman.router.store import translated
from pointsman.router.vocabulary.errors import StoreUnavailable
from pointsman.router.vocabulary.frozen import Frozen

from ..backend import Backend, CurrentRequester

PING_SECONDS = 1.0
"""A probe wants an answer soon, whatever Redis does."""

routes = APIRouter(tags=["health"])


class Health(Frozen):
    """Whether the process can do its work now."""

    status: Literal["ok", "degraded"]
    redis: Literal["ok", "away"]


@routes.get("/healthz")
async def healthz(requester: CurrentRequester) -> Health:
    """Answer 200 while the process lives, whether Redis does or not."""
    return await _health(requester.backend)


@routes.get("/readyz", responses={503: {"model": Health}})
async def readyz(requester: CurrentRequester, response: Response) -> Health:
    """Answer 200 when jobs can be accepted, 503 while Redis is away."""
    health = await _health(requester.backend)
    if health.redis == "away":
        response.status_code = 503
    return health


async def _health(backend: Backend) -> Health:
    try:
        async with asyncio.timeout(PING_SECONDS):
            with translated():  # a write, since a replica, or a Redis with its memory full, answers a ping too
                await backend.redis.set(backend.jobs.keys.key("answer", "health"), 1, px=1000)
    except (StoreUnavailable, TimeoutError):
        return Health(status="degraded", redis="away")
    return Health(status="ok", redis="ok")
