"""Keeps two process trees from sharing one folder of data: two Redis servers on one file would spoil it."""

from __future__ import annotations

from pathlib import Path
from typing import IO

from pointsman.router.runtime.file_lock import try_lock
from pointsman.router.vocabulary.errors import ConfigError


def lock_folder(folder: Path) -> IO[bytes]:
    """Return the open lock, which is held until it is closed or this process ends.

    Raises ConfigError when another process holds it.
    """
    lock = (folder / "lock").open("wb")
    if not try_lock(lock, what="a process tree"):
        lock.close()
        raise ConfigError(
            f"another pointsman runs with its data in {folder}: stop it, or give this one a folder of its own",
            field="--data",
        )
    return lock
