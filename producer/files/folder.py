"""The folder of files: one folder for each tenant, in it each file and, beside it, what is known of it.

Everything here blocks, as files do: callers put it into a thread.
"""

from __future__ import annotations

import math
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from .partial_file import PartialFile
from .stored import FILE_ID, StoredFile, UnknownFile

LEFTOVER_SECONDS = 86_400.0
"""What nobody has finished by then, nobody will."""
HELD_SECONDS = 61 * 86_400.0
"""A file lives for 30 days before its batch, and the batch for as long again; an older hold was forgotten."""


class FileFolder:
    """Keeps files by our own ids; `tenant` None stands for all tenants."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def begin(self, tenant: str) -> PartialFile:
        """Return a new file to write to."""
        return PartialFile(self._root / tenant)

    def get(self, file_id: str, *, tenant: str | None) -> StoredFile:
        """Return what is known of a file; raises UnknownFile."""
        if FILE_ID.fullmatch(file_id):
            for folder in self._folders(tenant):
                found = _read(folder / f"{file_id}.json")
                if found is not None and not _expired(found):
                    return found
        raise UnknownFile(file_id)

    def path(self, file: StoredFile) -> Path:
        """Return where a file's content is."""
        return self._root / file.tenant / file.id

    def files(self, *, tenant: str | None, newest_first: bool, after: str | None = None) -> Iterator[StoredFile]:
        """Yield the files by the time they came, those behind `after` where that is given."""
        names = [
            (entry.name, folder)
            for folder in self._folders(tenant)
            for entry in _entries(folder)
            if entry.name.endswith(".json")
        ]
        for name, folder in sorted(names, key=lambda found: found[0], reverse=newest_first):
            file_id = name.removesuffix(".json")
            if after is None or (file_id < after if newest_first else file_id > after):
                found = _read(folder / name)
                if found is not None and not _expired(found):
                    yield found

    def delete(self, file: StoredFile) -> None:
        """Delete a file; a batch that works on it keeps its own hold."""
        path = self.path(file)
        path.with_name(f"{file.id}.json").unlink(missing_ok=True)
        path.unlink(missing_ok=True)

    def hold(self, file: StoredFile, name: str) -> None:
        """Let a file be read under a second name, also after it was deleted; raises UnknownFile."""
        content, held = self.path(file), self.held(file.tenant, name)
        try:
            os.link(content, held)
        except FileExistsError:
            return
        except FileNotFoundError as error:
            raise UnknownFile(file.id) from error
        except OSError:  # a file system without hard links
            shutil.copyfile(content, held)

    def held(self, tenant: str, name: str) -> Path:
        """Return where the file of that second name is."""
        return self._root / tenant / name

    def sweep(self) -> int:
        """Delete what has expired, and what nobody can want any more; returns how many files."""
        expired = [file for folder in self._folders(None) for file in _known(folder) if _expired(file)]
        for file in expired:
            self.delete(file)
        forgotten = [entry for folder in self._folders(None) for entry in _entries(folder) if _forgotten(entry)]
        for entry in forgotten:
            Path(entry.path).unlink(missing_ok=True)
        return len(expired) + len(forgotten)

    def _folders(self, tenant: str | None) -> list[Path]:
        if tenant is not None:
            return [self._root / tenant]
        return [Path(entry.path) for entry in _entries(self._root) if entry.is_dir()]


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except FileNotFoundError:
        return []


def _known(folder: Path) -> Iterator[StoredFile]:
    for entry in _entries(folder):
        found = _read(Path(entry.path)) if entry.name.endswith(".json") else None
        if found is not None:
            yield found


def _forgotten(entry: os.DirEntry[str]) -> bool:
    """Whether a file was never finished, is a content that nothing is known of, or is held by nobody any more."""
    if entry.name.endswith(".json") or entry.is_dir():
        return False
    if FILE_ID.fullmatch(entry.name):
        kept = math.inf if Path(f"{entry.path}.json").exists() else LEFTOVER_SECONDS
    else:
        kept = HELD_SECONDS if entry.name.startswith("batch_") else LEFTOVER_SECONDS
    try:
        return entry.stat().st_mtime < time.time() - kept
    except FileNotFoundError:  # another process was faster
        return False


def _read(path: Path) -> StoredFile | None:
    try:
        return StoredFile.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def _expired(file: StoredFile) -> bool:
    return file.expires is not None and file.expires <= time.time()
