"""Knows which custom_ids have come, of a million lines, without keeping them in memory."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

from .disk_array import DiskArray

SLOTS_PER_LINE = 2
"""Half of the table stays empty, so that a look ends after one or two steps."""


class Seen:
    """An open hash table on disk, of each custom_id's digest and the place of its line.

    `custom_id_at` reads the custom_id of a line again: equal digests are only a reason to compare.
    """

    def __init__(self, lines: int, folder: Path, custom_id_at: Callable[[int], object]) -> None:
        self._slots = max(8, lines * SLOTS_PER_LINE)
        self._table = DiskArray(2 * self._slots, folder)
        self._custom_id_at = custom_id_at

    def add(self, custom_id: str, place: int) -> bool:
        """Note the custom_id of the line at a byte; False where another line had it before."""
        digest = int.from_bytes(blake2b(custom_id.encode(errors="surrogatepass"), digest_size=8).digest(), "big")
        slot = digest % self._slots
        while (before := self._table[2 * slot + 1]) != 0:
            if self._table[2 * slot] == digest and self._custom_id_at(before - 1) == custom_id:
                return before - 1 == place
            slot = (slot + 1) % self._slots
        self._table[2 * slot] = digest
        self._table[2 * slot + 1] = place + 1
        return True

    def close(self) -> None:
        """Give the table up."""
        self._table.close()
