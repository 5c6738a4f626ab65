"""Log lines of our own processes: time, level, who, what."""

from __future__ import annotations

import logging


def log_to_stderr(level: str) -> None:
    """Write log lines of `level` and above to standard error."""
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs every request's URL
