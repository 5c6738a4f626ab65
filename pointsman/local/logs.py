"""Log lines of our own processes: time, level, who, what."""

from __future__ import annotations

import logging

from rich.console import Console
from rich.logging import RichHandler


def log_to_stderr(level: str) -> None:
    """Write log lines of `level` and above to standard error."""
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs every request's URL


def log_to_console(level: str, console: Console) -> None:
    """Write log lines above a live display instead of into it."""
    handler = RichHandler(console=console, show_path=False, log_time_format="%H:%M:%S")
    logging.basicConfig(level=level, format="%(message)s", handlers=[handler])
