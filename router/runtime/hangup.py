"""What SIGHUP means: take the configuration anew, or end because the terminal was closed."""

from __future__ import annotations

import os
from collections.abc import Callable


def hangup_handler(reload: Callable[[], object], stop: Callable[[], object]) -> Callable[[], None]:
    """Return what to do at a SIGHUP; a process that never had a terminal cannot lose one."""
    had_terminal = _has_terminal()

    def handle() -> None:
        if had_terminal and not _has_terminal():
            stop()
        else:
            reload()

    return handle


def _has_terminal() -> bool:
    try:
        os.close(os.open(os.ctermid(), os.O_RDONLY | os.O_NOCTTY))
    except (OSError, AttributeError):  # AttributeError: Windows
        return False
    return True
