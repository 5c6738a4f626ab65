"""Numbers by index on disk, so that a million of them take no memory."""

from __future__ import annotations

import os
import struct
import tempfile
from array import array
from collections.abc import Iterator
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
