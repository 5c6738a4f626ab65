"""Submits jobs over HTTP, one after the other, and writes when each began and ended: `jobs.py URL FILE`."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

try:
    from pointsman import Client  # type: ignore[attr-defined,unused-ignore] # since everything imports under one name
except ImportError:
    from producer import Client

PROMPT = "Explain late binding."
WARM_UP = 3
MEASURED = 5
READY_SECONDS = 90.0


def main(url: str, file: str) -> None:
    """Run some jobs to warm up, then the measured ones."""
    spans = []
    request = {
        "messages": [{"role": "user", "content": PROMPT}],
        "max_tokens": 1,
    }  # a quick answer: no duty comes by
    with Client(url) as client:
        for _ in range(WARM_UP + MEASURED):
            began = time.monotonic_ns()
            client.result(client.submit(request=request), timeout=READY_SECONDS)
            spans.append((began, time.monotonic_ns()))
    Path(file).write_text(json.dumps(spans[WARM_UP:]), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
