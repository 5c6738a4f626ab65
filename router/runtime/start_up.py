"""What each of our processes does first: it obeys SIGTERM, and may open as many files as it needs."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType

OPEN_FILES = 65_536
"""Each call, caller and connection to Redis holds a socket; the usual soft limit of 1 024 is one busy worker."""


def end_on_sigterm() -> None:
    """End the process at SIGTERM until it has a handler of its own.

    The first process of a container ignores a signal that it has no handler for, and imports take a second or two:
    who stops a container meanwhile would wait until it is killed.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _end)


def _end(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


def raise_open_files() -> None:
    """Raise the soft limit of open files as far as the hard one allows, up to what a part can use."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 # a module of Unix

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
