"""Waiting until a part is ready: in time, not in time, and while somebody presses Ctrl-C."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from pointsman.local.readiness import until
from pointsman.router.vocabulary.errors import ConfigError


async def test_a_cancellation_that_the_check_lost_is_not_lost() -> None:
    async def loses_it() -> bool:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        return True

    waiting = asyncio.create_task(until(loses_it, what="it", seconds=60, hint=""))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_what_does_not_get_ready_is_named() -> None:
    async def never() -> bool:
        return False

    with pytest.raises(ConfigError, match="it did not get ready within 0 s: look there"):
        await until(never, what="it", seconds=0.0, hint="look there")
