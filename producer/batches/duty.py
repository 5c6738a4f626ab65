"""The duty of every API process: brings batches forward, each under a lease, until they have ended."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from pointsman.router.runtime.cancellation import stop
from pointsman.router.runtime.forever import forever
from pointsman.router.store import BatchStore, HeldBatch, JobStore
from pointsman.router.vocabulary.batch import BatchStatus
from pointsman.router.vocabulary.errors import StoreUnavailable

from ..files import FileFolder, unwritable
from .steps import fail, finish, submit, validate
from .work import Work

log = logging.getLogger("pointsman.api")

AT_ONCE = 4
"""Batches that one process looks after at a time, so that a long one does not hold up the short ones."""
SWEEP_SECONDS = 3600.0
AWAY_SECONDS = 2.0
LONGEST_SLEEP_SECONDS = 60.0
"""A message can be lost while the connection is; this is for that."""

STEPS: Mapping[BatchStatus, Callable[[Work], Awaitable[bool]]] = {
    BatchStatus.VALIDATING: validate,
    BatchStatus.IN_PROGRESS: submit,
    BatchStatus.FINALIZING: finish,
    BatchStatus.CANCELLING: finish,
}


class BatchDuty:
    """Looks after batches until it is stopped; what it has begun then goes on elsewhere, or at the next start."""

    def __init__(self, batches: BatchStore, jobs: JobStore, folder: FileFolder) -> None:
        self._batches, self._jobs, self._folder = batches, jobs, folder
        self._settings = jobs.settings
        self._woken = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._next_sweep = time.monotonic()

    async def run(self) -> None:
        """Take over one due batch after the other."""
        listening = asyncio.create_task(forever("due batches", self._listen, log=log), name="pointsman-batch-due")
        try:
            while True:
                self._woken.clear()
                await self._sweep()
                if not await self._take_one():
                    await self._sleep()
        finally:
            await stop(listening, *self._tasks)

    async def _listen(self) -> None:
        await self._batches.listen(self._woken)

    async def _take_one(self) -> bool:
        held = await self._claim()
        if held is None:
            return False
        task = asyncio.create_task(self._look_after(held))
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return True

    async def _sleep(self) -> None:
        """Sleep until a batch is due, a message comes, or one of those in hand is put down."""
        seconds = LONGEST_SLEEP_SECONDS
        with suppress(StoreUnavailable):
            if len(self._tasks) < AT_ONCE:
                seconds = min(max(await self._batches.until_due(), 0.0), LONGEST_SLEEP_SECONDS)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), seconds)

    async def _sweep(self) -> None:
        if time.monotonic() < self._next_sweep:
            return
        self._next_sweep = time.monotonic() + SWEEP_SECONDS
        try:
            await asyncio.to_thread(self._folder.sweep)
        except OSError as error:
            log.warning("the files cannot be looked through for what has expired: %s", error)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._woken.set()

    async def _claim(self) -> HeldBatch | None:
        if len(self._tasks) >= AT_ONCE:
            return None
        try:
            return await self._batches.claim()
        except StoreUnavailable:  # every other part says so; here it only has to go on afterwards
            await asyncio.sleep(AWAY_SECONDS)
        except Exception:  # without this loop no batch would go on
            log.exception("no batch could be taken over; it is tried again")
            await asyncio.sleep(AWAY_SECONDS)
        return None

    async def _look_after(self, held: HeldBatch) -> None:
        work = Work(
            held, self._batches, self._jobs, self._folder, self._settings.body_limit_bytes,
            renew_seconds=self._settings.lease_seconds / 4,
        )  # fmt: skip
        try:
            while work.batch.status in STEPS and await STEPS[work.batch.status](work):
                pass
        except StoreUnavailable as error:
            log.warning("batch %s waits: %s", work.batch.id, error)
        except FileNotFoundError as error:
            await self._without_input(work, error)
        except OSError as error:
            why = unwritable(self._settings.files_folder, error)
            log.error("batch %s waits, and is tried again: %s", work.batch.id, why)
        except Exception:  # the others must go on, and this one is taken over again when its lease runs out
            log.exception("batch %s could not be brought forward; it is tried again", work.batch.id)

    async def _without_input(self, work: Work, error: FileNotFoundError) -> None:
        log.error(
            "batch %s cannot be read; do all API processes share POINTSMAN_FILES_FOLDER? %s", work.batch.id, error
        )
        if work.batch.status is BatchStatus.VALIDATING:
            code = {"code": "file_not_found", "message": "the input file is gone", "param": None, "line": None}
            await fail(work, [dict(code)])
