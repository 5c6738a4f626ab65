"""Reads the events of a job as they come over HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True)
class Event:
    """One event as it came."""

    id: str
    name: str
    data: dict[str, Any]


async def read_events(http: httpx.AsyncClient, job_id: str, last: str | None = None) -> AsyncIterator[Event]:
    headers = {"last-event-id": last} if last else {}
    async with http.stream("GET", f"/v1/jobs/{job_id}/events", headers=headers, timeout=30) as reply:
        assert reply.status_code == 200
        assert reply.headers["content-type"].startswith("text/event-stream")
        fields: dict[str, str] = {}
        async for line in reply.aiter_lines():
            if line and not line.startswith(":"):
                name, _, value = line.partition(": ")
                fields[name] = value
            elif fields:
                yield Event(fields["id"], fields["event"], json.loads(fields["data"]))
                fields = {}
