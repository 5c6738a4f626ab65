"""Webhooks are signed as the specification says."""

from __future__ import annotations

import time

import pytest
from standardwebhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from pointsman.router.store import ClaimedDelivery
from pointsman.router.vocabulary.job import JobRecord
from pointsman.router.vocabulary.webhook import WebhookEvent
from pointsman.workers.webhooks.body import body_of, job_data
from pointsman.workers.webhooks.signature import signed_headers

NEW = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # the one of the specification's examples


OLD = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


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
    body = body_of(OWED, job_data(OWED, record("naïve — 日本")))
    headers = signed_headers(OWED.id, body, [NEW, OLD], now=now())
    assert Verifier(secret).verify(body, headers)["data"]["result"]["answer"]["text"] == "naïve — 日本"


def test_a_body_that_was_changed_does_not_verify() -> None:
    body = body_of(OWED, job_data(OWED, record()))
    headers = signed_headers(OWED.id, body, [NEW], now=now())
    for secret, other in ((NEW, body.replace(b"42", b"43")), (OLD, body)):
        with pytest.raises(WebhookVerificationError):
            Verifier(secret).verify(other, headers)
