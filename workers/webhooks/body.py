"""The body of a webhook: the event, and the job or batch as it is when it is sent, without its prompt.

`id`, `object` and `created_at` stand beside the fields of Standard Webhooks, so that OpenAI's client can read it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pointsman.router.store import ClaimedDelivery
from pointsman.router.vocabulary.batch import BatchRecord
from pointsman.router.vocabulary.job import JobRecord

LARGEST_RESULT_BYTES = 256_000
HIDDEN_OF_JOBS = {"decision", "history", "binding"}
HIDDEN_OF_BATCHES = {"line", "offset", "last_line", "moved", "window_seconds", "output_seconds", "webhook"}


def body_of(delivery: ClaimedDelivery, data: Mapping[str, Any]) -> bytes:
    """Return the whole body."""
    happened = datetime.fromtimestamp(delivery.created, UTC).isoformat(timespec="milliseconds")
    body = {
        "id": delivery.id,
        "object": "event",
        "type": delivery.event,
        "created_at": int(delivery.created),
        "timestamp": happened.replace("+00:00", "Z"),
        "data": data,
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def job_data(delivery: ClaimedDelivery, record: JobRecord | None) -> dict[str, Any]:
    """Return what is sent of a job; a result that is too large is fetched from `result_url`."""
    if record is None:
        return {"id": delivery.about, "tenant": delivery.tenant, "expired": True}
    data = record.model_dump(mode="json", exclude_none=True, exclude=HIDDEN_OF_JOBS)
    result = json.dumps(data.get("result"), ensure_ascii=False)
    if len(result.encode()) > LARGEST_RESULT_BYTES:
        del data["result"]
        data["result_url"] = f"/v1/jobs/{record.id}"
    return data


def batch_data(delivery: ClaimedDelivery, record: BatchRecord | None) -> dict[str, Any]:
    """Return what is sent of a batch: its counts, its files, its cost."""
    if record is None:
        return {"id": delivery.about, "tenant": delivery.tenant, "expired": True}
    return record.model_dump(mode="json", exclude_none=True, exclude=HIDDEN_OF_BATCHES)
