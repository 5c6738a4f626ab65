"""What one process has in hand while it looks after one batch: the batch, its input, and the stores."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from pointsman.router.store import BatchStore, HeldBatch, JobStore
from pointsman.router.vocabulary.batch import BatchRecord

from ..files import FileFolder
from ..files.lines import Portion, read_portion
from ..vendor_apis.openai.batch_line import read_custom_id
from .check import digest
from .inputs import input_path, wanted_path


@dataclass
class Work:
    """One batch in hand. `most` is how many bytes a line may have; the lease is renewed every `renew_seconds`."""

    held: HeldBatch
    batches: BatchStore
    jobs: JobStore
    folder: FileFolder
    most: int
    renew_seconds: float
    _renewed: float = field(default_factory=time.monotonic)

    @property
    def batch(self) -> BatchRecord:
        """The batch as it was when it was last noted."""
        return self.held.record

    @property
    def input(self) -> Path:
        """Where the input is."""
        return input_path(self.folder, self.batch)

    async def portions(self, *, offset: int = 0, number: int = 0) -> AsyncIterator[Portion]:
        """Yield the input in portions, the last one too."""
        while True:
            portion = await asyncio.to_thread(
                read_portion, self.input, offset=offset, number=number, most=self.most
            )
            yield portion
            if portion.last:
                return
            offset, number = portion.offset, portion.number

    async def renewed(self) -> bool:
        """Renew the lease where it is time to; False where the batch is another's now, or its status changed."""
        if time.monotonic() - self._renewed < self.renew_seconds:
            return True
        self._renewed = time.monotonic()
        return await self.batches.advance(self.held)

    async def wanted(self) -> frozenset[bytes] | None:
        """Return the custom_ids to be done, None for all: those in the error file of the batch that is retried."""
        if not self.batch.retry_of:
            return None
        return await asyncio.to_thread(_custom_ids, wanted_path(self.folder, self.batch), self.most)


def _custom_ids(path: Path, most: int) -> frozenset[bytes]:
    found: set[bytes] = set()
    offset = number = 0
    while True:
        portion = read_portion(path, offset=offset, number=number, most=most)
        found |= {digest(read_custom_id(line)) for line in portion.lines}
        if portion.last:
            return frozenset(found)
        offset, number = portion.offset, portion.number
