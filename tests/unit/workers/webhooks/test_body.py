"""What a receiver of webhooks gets to read."""

from __future__ import annotations

import json
import time

import pytest
from openai import OpenAI

from pointsman.router.store import ClaimedDelivery
from pointsman.router.vocabulary.batch import BatchRecord
from pointsman.router.vocabulary.job import JobRecord
from pointsman.router.vocabulary.webhook import WebhookEvent
from pointsman.workers.webhooks.body import LARGEST_RESULT_BYTES, batch_data, body_of, job_data
from pointsman.workers.webhooks.signature import signed_headers

NEW = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # the one of the specification's examples


OWED = ClaimedDelivery(
    "msg_p5jXN8AQM9LWM0D4loKWxJek", 1, WebhookEvent.JOB_SUCCEEDED, "job-1", "acme", "*", 1_700_000_000.25, 0
)


def record(text: str = "42") -> JobRecord:
    result = {"answer": {"text": text, "finish_reason": "stop"}, "model": "gpt-4", "seconds": 0.5}
    return JobRecord.model_validate(
        {
            "id": "job-1", "state": "succeeded", "tenant": "acme", "priority": 5, "submitted": 1.0, "expires": 2.0,
            "max_attempts": 4, "metadata": {"order": "7"}, "decision": {"reason": "free"}, "result": result,
        }
    )  # fmt: skip


def now() -> int:
    return int(time.time())


def test_a_job_is_notified_of_without_what_only_we_need() -> None:
    event = json.loads(body_of(OWED, job_data(OWED, record())))
    assert (event["type"], event["timestamp"]) == ("job.succeeded", "2023-11-14T22:13:20.250Z")
    data = event["data"]
    assert (data["id"], data["tenant"], data["metadata"]) == ("job-1", "acme", {"order": "7"})
    assert data["result"]["answer"]["text"] == "42"
    assert {"decision", "history", "binding"} & set(data) == set()


def test_a_large_result_is_to_be_fetched() -> None:
    data = job_data(OWED, record("x" * LARGEST_RESULT_BYTES))
    assert "result" not in data
    assert data["result_url"] == "/v1/jobs/job-1"
    assert len(body_of(OWED, data)) < 1000
    assert "result" in job_data(OWED, record("x" * (LARGEST_RESULT_BYTES - 1000)))


def test_what_is_no_longer_known_is_reported_by_its_id() -> None:
    assert job_data(OWED, None) == {"id": "job-1", "tenant": "acme", "expired": True}
    assert batch_data(OWED, None) == {"id": "job-1", "tenant": "acme", "expired": True}


@pytest.mark.parametrize("end", ["completed", "failed", "expired", "cancelled"])
def test_openais_client_reads_the_end_of_a_batch(end: str) -> None:
    batch = BatchRecord.model_validate(
        {
            "id": "batch_1", "tenant": "acme", "status": end, "endpoint": "/v1/responses", "created": 1.0,
            "input_file_id": "file-1", "completion_window": "24h", "window_seconds": 86400, "expires": 2.0,
        }
    )  # fmt: skip
    owed = ClaimedDelivery("msg_2", 1, WebhookEvent(f"batch.{end}"), "batch_1", "acme", "*", 1_700_000_000.0, 0)
    body = body_of(owed, batch_data(owed, batch))
    headers = signed_headers(owed.id, body, [NEW], now=now())
    client = OpenAI(api_key="none", webhook_secret=NEW)
    event = client.webhooks.unwrap(body.decode(), headers)
    assert (event.type, event.data.id) == (f"batch.{end}", "batch_1")
    assert (event.id, event.created_at, event.object) == ("msg_2", 1_700_000_000, "event")
