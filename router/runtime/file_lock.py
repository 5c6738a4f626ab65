"""Locks a file for this process, where the system knows how: the modules that do it are those of Unix."""

from __future__ import annotations

from typing import IO

from ..vocabulary.errors import ConfigError


def try_lock(file: IO[bytes], *, what: str) -> bool:
    """Whether the open file is locked now for this process alone; the lock ends with the file.

    `what` needs the lock: it is named in the ConfigError that is raised where the system has no such locks.
    """
    try:
        import fcntl  # noqa: PLC0415 # the client library is imported on Windows too
    except ImportError:
        raise ConfigError(
            f"{what} needs Linux or macOS: it locks its files, which is not done on Windows"
        ) from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
