"""A file while it is written: under a name of its own, until it is whole."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from .stored import StoredFile

BUFFER_BYTES = 1_048_576
UNFINISHED = ".part"


class PartialFile:
    """Takes a file's content piece by piece; nobody sees it before `keep`. Everything here blocks."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._part = folder / f"{secrets.token_hex(12)}{UNFINISHED}"
        self._file = self._part.open("xb", buffering=BUFFER_BYTES)
        self.size = 0

    def write(self, data: bytes) -> None:
        """Add a piece."""
        self.size += self._file.write(data)

    def keep(self, stored: StoredFile) -> None:
        """Put the file in its place, whole, and then what is known of it: from now on it can be found."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        about = self._part.with_suffix(".about")
        about.write_text(stored.model_dump_json(), encoding="utf-8")
        self._part.replace(self._folder / stored.id)
        about.replace(self._folder / f"{stored.id}.json")

    def drop(self) -> None:
        """Throw away what was not kept."""
        with suppress(OSError):  # what it still holds may not fit
            self._file.close()
        self._part.unlink(missing_ok=True)


def unwritable(folder: Path, error: OSError) -> str:
    """Return in words why nothing can be kept in the folder of files, and what to change."""
    why = error.strerror or str(error)
    return f"no file can be kept in {folder} ({why}): set POINTSMAN_FILES_FOLDER to a folder that takes them"
