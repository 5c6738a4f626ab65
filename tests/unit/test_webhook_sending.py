"""What a receiver gets, and what follows from what it answers."""

from __future__ import annotations

import json
import time
from random import Random
from typing import Any

import pytest
from openai import OpenAI
from standardwebhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from pointsman.router.store import Owed
from pointsman.router.vocabulary.batch import BatchRecord
from pointsman.router.vocabulary.job import JobRecord
from pointsman.router.vocabulary.webhook import JITTER, WebhookEvent
from pointsman.workers.webhooks.body import LARGEST_RESULT_BYTES, body_of, told_of_batch, told_of_job
from pointsman.workers.webhooks.outcome import (
    Answer,
    Delivered,
    GaveUp,
    Impossible,
    Outcome,
    Replied,
    Silent,
    TryAgain,
    judge,
)
from pointsman.workers.webhooks.signature import signed_headers

NEW = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # the one of the specification's examples
OLD = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
WAITS = (5.0, 300.0)

OWED = Owed(
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


def test_the_signature_is_that_of_the_specification() -> None:
    body = b'{"test": 2432232314}'
    headers = signed_headers("msg_p5jXN8AQM9LWM0D4loKWxJek", body, [NEW], now=1_614_265_330)
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.parametrize("secret", [NEW, OLD])
def test_while_a_secret_is_replaced_either_verifies(secret: str) -> None:
    body = body_of(OWED, told_of_job(OWED, record("naïve — 日本")))
    headers = signed_headers(OWED.id, body, [NEW, OLD], now=now())
    assert Verifier(secret).verify(body, headers)["data"]["result"]["answer"]["text"] == "naïve — 日本"


def test_a_body_that_was_changed_does_not_verify() -> None:
    body = body_of(OWED, told_of_job(OWED, record()))
    headers = signed_headers(OWED.id, body, [NEW], now=now())
    for secret, other in ((NEW, body.replace(b"42", b"43")), (OLD, body)):
        with pytest.raises(WebhookVerificationError):
            Verifier(secret).verify(other, headers)


def test_a_job_is_told_of_without_what_only_we_need() -> None:
    event = json.loads(body_of(OWED, told_of_job(OWED, record())))
    assert (event["type"], event["timestamp"]) == ("job.succeeded", "2023-11-14T22:13:20.250Z")
    data = event["data"]
    assert (data["id"], data["tenant"], data["metadata"]) == ("job-1", "acme", {"order": "7"})
    assert data["result"]["answer"]["text"] == "42"
    assert {"decision", "history", "binding"} & set(data) == set()


def test_a_large_result_is_to_be_fetched() -> None:
    data = told_of_job(OWED, record("x" * LARGEST_RESULT_BYTES))
    assert "result" not in data
    assert data["result_url"] == "/v1/jobs/job-1"
    assert len(body_of(OWED, data)) < 1000
    assert "result" in told_of_job(OWED, record("x" * (LARGEST_RESULT_BYTES - 1000)))


def test_what_is_no_longer_known_is_told_by_its_id() -> None:
    assert told_of_job(OWED, None) == {"id": "job-1", "tenant": "acme", "expired": True}
    assert told_of_batch(OWED, None) == {"id": "job-1", "tenant": "acme", "expired": True}


@pytest.mark.parametrize("end", ["completed", "failed", "expired", "cancelled"])
def test_openais_client_reads_the_end_of_a_batch(end: str) -> None:
    batch = BatchRecord.model_validate(
        {
            "id": "batch_1", "tenant": "acme", "status": end, "endpoint": "/v1/responses", "created": 1.0,
            "input_file_id": "file-1", "completion_window": "24h", "window_seconds": 86400, "expires": 2.0,
        }
    )  # fmt: skip
    owed = Owed("msg_2", 1, WebhookEvent(f"batch.{end}"), "batch_1", "acme", "*", 1_700_000_000.0, 0)
    body = body_of(owed, told_of_batch(owed, batch))
    headers = signed_headers(owed.id, body, [NEW], now=now())
    client = OpenAI(api_key="none", webhook_secret=NEW)
    event = client.webhooks.unwrap(body.decode(), headers)
    assert (event.type, event.data.id) == (f"batch.{end}", "batch_1")
    assert (event.id, event.created_at, event.object) == ("msg_2", 1_700_000_000, "event")


def judged(answer: Answer, tries: int = 0) -> Outcome:
    return judge(answer, tries=tries, waits_seconds=WAITS, random=Random(1))


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_success_is_a_delivery(status: int) -> None:
    assert judged(Replied(status)) == Delivered()


@pytest.mark.parametrize(
    "answer",
    [*(Replied(status) for status in (301, 302, 307, 400, 401, 404, 408, 429, 500, 502, 503, 599)), Silent("why")],
)
@pytest.mark.parametrize("tries", [0, 1])
def test_what_failed_is_tried_again_a_little_after_its_wait(answer: Any, tries: int) -> None:
    outcome = judged(answer, tries)
    assert isinstance(outcome, TryAgain)
    assert WAITS[tries] <= outcome.wait_seconds <= WAITS[tries] * (1 + JITTER)


@pytest.mark.parametrize("answer", [Replied(500), Replied(429, retry_after=1.0), Silent("why")])
def test_after_the_last_wait_it_is_given_up(answer: Any) -> None:
    assert isinstance(judged(answer, 2), GaveUp)


@pytest.mark.parametrize("answer", [Replied(410), Impossible("its address is refused")])
def test_what_can_never_be_delivered_is_given_up_at_once(answer: Any) -> None:
    assert isinstance(judged(answer), GaveUp)


@pytest.mark.parametrize(
    ("status", "asked", "wait"),
    [(429, 60.0, 60.0), (503, 60.0, 60.0), (503, 1e9, 86_400.0), (500, 60.0, 5.0), (429, 0.5, 5.0)],
)
def test_a_receiver_that_asks_for_time_gets_it(status: int, asked: float, wait: float) -> None:
    outcome = judged(Replied(status, asked))
    assert isinstance(outcome, TryAgain)
    assert wait <= outcome.wait_seconds <= max(wait, 5.0 * (1 + JITTER))
