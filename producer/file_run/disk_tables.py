"""Numbers by index on disk, so that a million of them take no memory."""

from __future__ import annotations

import os
import struct
import tempfile
from array import array
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path

NUMBER = struct.Struct("=Q")
BLOCK = 8192
"""Numbers that are read at once when all are."""


class DiskArray:
    """So many numbers of 64 bits, all 0 at first, in a file without a name that goes with this object."""

    def __init__(self, length: int, folder: Path) -> None:
        self.length = length
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 # open as long as this object is
        self._file.truncate(length * NUMBER.size)

    def __getitem__(self, index: int) -> int:
        found: int = NUMBER.unpack(os.pread(self._file.fileno(), NUMBER.size, index * NUMBER.size))[0]
        return found

    def __setitem__(self, index: int, number: int) -> None:
        os.pwrite(self._file.fileno(), NUMBER.pack(number), index * NUMBER.size)

    def __iter__(self) -> Iterator[int]:
        for start in range(0, self.length, BLOCK):
            block = array("Q")
            block.frombytes(os.pread(self._file.fileno(), BLOCK * NUMBER.size, start * NUMBER.size))
            yield from block

    def close(self) -> None:
        """Give the file up."""
        self._file.close()


SLOTS_PER_LINE = 2
"""Half of the table stays empty, so that a look ends after one or two steps."""


class CustomIdTable:
    """An open hash table on disk, of each custom_id's digest and the place of its line.

    `custom_id_at` reads the custom_id of a line again: equal digests are only a reason to compare.
    """

    def __init__(self, lines: int, folder: Path, custom_id_at: Callable[[int], object]) -> None:
        self._slots = max(8, lines * SLOTS_PER_LINE)
        self._table = DiskArray(2 * self._slots, folder)
        self._custom_id_at = custom_id_at

    def add(self, custom_id: str, offset: int) -> bool:
        """Note the custom_id of the line at a byte; False where another line had it before."""
        digest = int.from_bytes(blake2b(custom_id.encode(errors="surrogatepass"), digest_size=8).digest(), "big")
        slot = digest % self._slots
        while (before := self._table[2 * slot + 1]) != 0:
            if self._table[2 * slot] == digest and self._custom_id_at(before - 1) == custom_id:
                return before - 1 == offset
            slot = (slot + 1) % self._slots
        self._table[2 * slot] = digest
        self._table[2 * slot + 1] = offset + 1
        return True

    def close(self) -> None:
        """Give the table up."""
        self._table.close()
