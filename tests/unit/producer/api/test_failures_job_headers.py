"""The headers that tell of the job behind an answer."""

from __future__ import annotations

from pointsman.producer.api.failures import job_headers
from pointsman.router.vocabulary.job import Attempt, JobRecord, JobState

JOB = JobRecord(
    id="0123456789ab-00001", state=JobState.PENDING, tenant="default", priority=5, submitted=100.0, expires=900.0,
    max_attempts=4,
)  # fmt: skip


def test_a_job_that_waits_shows_its_id_alone() -> None:
    assert job_headers(JOB) == {"x-pointsman-job-id": JOB.id}


def test_the_wait_is_all_time_without_a_call() -> None:
    calls = (
        Attempt(number=1, binding=1, model="gpt-4", started=103.0, ended=104.5),
        Attempt(number=2, binding=2, model="claude", started=106.0, ended=110.0),
    )
    ended = {
        "state": JobState.SUCCEEDED,
        "finished": 110.0,
        "model": "claude",
        "task_class": "code",
        "history": calls,
    }
    assert job_headers(JOB.model_copy(update=ended)) == {
        "x-pointsman-job-id": JOB.id,
        "x-pointsman-model": "claude",
        "x-pointsman-class": "code",
        "x-pointsman-queue-seconds": "4.500",
    }
