"""A duty goes on over everything that goes wrong in it, and ends when it is cancelled."""

from __future__ import annotations

import asyncio
import logging

import pytest

from pointsman.router.runtime import forever as module
from pointsman.router.runtime.forever import FIRST_BACKOFF_SECONDS, forever
from pointsman.router.vocabulary.errors import StoreUnavailable

log = logging.getLogger(__name__)


class Waits:
    """Stands for the clock: notes each wait of the loop, takes none, and ends the run after `at_most`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at_most: int) -> None:
        self.seconds: list[float] = []
        self._at_most = at_most
        monkeypatch.setattr(module.asyncio, "sleep", self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)
        if len(self.seconds) >= self._at_most:
            raise asyncio.CancelledError


@pytest.mark.parametrize("error", [StoreUnavailable("Redis is away"), ValueError("a bug")])
async def test_each_failure_in_a_row_waits_twice_as_long_up_to_a_bound(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    waits = Waits(monkeypatch, at_most=5)

    async def fail() -> None:
        raise error

    with pytest.raises(asyncio.CancelledError):
        await forever("test", fail, log=log, longest_backoff_seconds=FIRST_BACKOFF_SECONDS * 4)
    assert waits.seconds == [FIRST_BACKOFF_SECONDS * times for times in (1, 2, 4, 4, 4)]


async def test_redis_away_is_a_line_and_a_bug_a_traceback(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    Waits(monkeypatch, at_most=2)
    errors = iter([StoreUnavailable("Redis is away"), KeyError("bug")])

    async def fail() -> None:
        raise next(errors)

    with pytest.raises(asyncio.CancelledError):
        await forever("test", fail, log=log)
    assert [(record.levelname, bool(record.exc_info)) for record in caplog.records] == [
        ("WARNING", False),
        ("ERROR", True),
    ]


async def test_a_duty_that_went_well_for_long_begins_with_the_first_wait_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits = Waits(monkeypatch, at_most=3)
    times = iter([0.0, 0.0, 0.0, 9.0, 9.0, 9.0])
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: next(times, 9.0))

    async def fail() -> None:
        raise StoreUnavailable("Redis is away")

    with pytest.raises(asyncio.CancelledError):
        await forever("test", fail, log=log)
    assert waits.seconds == [FIRST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2]


async def test_a_cancel_ends_it_and_the_duty() -> None:
    began = asyncio.Event()
    ended = asyncio.Event()

    async def duty() -> None:
        try:
            began.set()
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = asyncio.create_task(forever("test", duty, log=log))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
