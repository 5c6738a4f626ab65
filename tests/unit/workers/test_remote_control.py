"""Revokes where Redis does not answer at once, and of ids of every kind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest

from pointsman.router.vocabulary.errors import StoreUnavailable
from pointsman.router.vocabulary.job import JobState
from pointsman.workers import remote_control
from pointsman.workers.remote_control import rate_limit, revoke, terminate


class Ledger:
    """A runtime whose Redis is away for the first calls."""

    def __init__(self, away: int = 0) -> None:
        self.away, self.asked = away, list[str]()
        self.states: dict[str, JobState] = {"job-1": JobState.CANCELLED, "job-2": JobState.SUCCEEDED}
        self.answered = threading.Event()

    async def cancel(self, job_id: str) -> JobState | None:
        self.asked.append(job_id)
        if self.away:
            self.away -= 1
            raise StoreUnavailable("Redis does not answer")
        self.answered.set()
        return self.states.get(job_id)


class Pool:
    """A loop in a thread, as the worker's pool has one."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def spawn(self, coroutine: Any) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


@pytest.fixture
def pool() -> Iterator[Pool]:
    found = Pool()
    yield found
    found.close()


def worker(pool: Pool, ledger: Ledger) -> SimpleNamespace:
    """Return what a control command gets of its worker."""
    controller = SimpleNamespace(pool=pool, pointsman_runtime=ledger)
    return SimpleNamespace(consumer=SimpleNamespace(controller=controller))


def test_each_id_is_answered_whether_it_is_that_of_a_job_or_of_a_task(pool: Pool) -> None:
    ledger = Ledger()
    words = "job-1: cancelled, job-1.7: cancelled, job-2: has ended already, succeeded, other: no such job"
    ids = ["job-1", "job-1.7", "job-2", "other"]
    assert revoke(worker(pool, ledger), ids, terminate=True, signal="KILL") == {"ok": words}
    assert ledger.asked == ["job-1", "job-1", "job-2", "other"]


def test_a_terminate_does_the_same(pool: Pool) -> None:
    assert terminate(worker(pool, Ledger()), "TERM", "job-1") == {"ok": "job-1: cancelled"}
    assert terminate(worker(pool, Ledger()), "TERM", ["none"]) == {"error": "none: no such job"}


def test_a_revoke_while_redis_is_away_is_tried_again(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_control, "TRY_AGAIN_SECONDS", (0.0, 0.0, 0.0))
    ledger = Ledger(away=3)
    assert revoke(worker(pool, ledger), "job-1") == {"ok": "job-1: cancelled"}
    assert len(ledger.asked) == 4


def test_a_reply_does_not_wait_for_long_and_the_cancel_goes_on(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_control, "REVOKE_SECONDS", 0.01)
    ledger = Ledger(away=1)
    assert "goes on" in revoke(worker(pool, ledger), "job-1")["error"]
    assert ledger.answered.wait(10)


@pytest.mark.parametrize("limit", ["0", 0, None, ""])
def test_no_rate_limit_is_no_mistake(limit: Any) -> None:
    assert "ok" in rate_limit(None, "pointsman.attempt", limit)


@pytest.mark.parametrize("limit", ["10/m", 5, "nonsense"])
def test_a_rate_limit_is_refused(limit: Any) -> None:
    assert "models.yaml" in rate_limit(None, "pointsman.attempt", limit)["error"]
