"""What a signal to end does to our processes."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable

from pointsman.router.runtime.hangup import hangup_handler
from pointsman.router.vocabulary.errors import ConfigError

NOT_HERE = (
    "the parts run on Linux and macOS; on Windows use WSL, or the client and the commands that need only a URL"
)


def stop_on_signals() -> None:
    """Make a signal to end cancel the current task, so that every `finally` runs.

    Raises ConfigError on Windows, where no signal reaches an event loop.
    """
    if sys.platform == "win32":
        raise ConfigError(NOT_HERE)
    task = asyncio.current_task()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, lambda: task and task.cancel())


def reload_on_hangup(reload: Callable[[], Awaitable[None]]) -> None:
    """Make SIGHUP reload from now on; where our terminal was closed it cancels the current task as before."""
    loop, task, reloading = asyncio.get_running_loop(), asyncio.current_task(), set[asyncio.Future[None]]()

    def begin() -> None:
        reloading.add(begun := asyncio.ensure_future(reload()))
        begun.add_done_callback(reloading.discard)

    loop.add_signal_handler(signal.SIGHUP, hangup_handler(begin, lambda: task and task.cancel()))
