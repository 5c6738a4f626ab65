"""What a signal to end does to our processes."""

from __future__ import annotations

import asyncio
import signal


def stop_on_signals() -> None:
    """Make a signal to end cancel the current task, so that every `finally` runs."""
    task = asyncio.current_task()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, lambda: task and task.cancel())
