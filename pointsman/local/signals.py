"""What a signal to end does to our processes."""

from __future__ import annotations

import asyncio
import signal
import sys

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
