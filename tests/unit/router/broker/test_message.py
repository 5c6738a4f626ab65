"""The message that stands for one binding: placeholders in the right places, and no prompt anywhere."""

from __future__ import annotations

import base64
import json

import pytest

from pointsman.router.broker.message import (
    TASK,
    WEBHOOK_QUEUE,
    WEBHOOK_TASK,
    celery_config,
    message_template,
    read_task_id,
)
from pointsman.router.config.settings import Settings


def filled(job_id: str = "job-1", binding: int = 7) -> dict[str, object]:
    """Return the message as the bind script fills it in."""
    text = message_template("llm.gpt-4").replace("@JOB@", job_id).replace("@BINDING@", str(binding))
    message: dict[str, object] = json.loads(text)
    return message


def test_the_task_id_is_job_and_binding_everywhere() -> None:
    message = filled()
    headers, properties = message["headers"], message["properties"]
    assert isinstance(headers, dict)
    assert isinstance(properties, dict)
    assert headers["id"] == headers["root_id"] == properties["correlation_id"] == "job-1.7"
    assert properties["delivery_tag"] == "job-1.7", "unique, or kombu would mix messages up"
    assert headers["task"] == TASK


def test_the_message_carries_no_arguments_and_no_time() -> None:
    message = filled()
    assert json.loads(base64.b64decode(str(message["body"])))[:2] == [[], {}]
    headers = message["headers"]
    assert isinstance(headers, dict)
    assert headers["eta"] is None
    assert headers["expires"] is None


def test_the_message_goes_to_the_models_own_queue() -> None:
    properties = filled()["properties"]
    assert isinstance(properties, dict)
    assert properties["delivery_info"] == {"exchange": "", "routing_key": "llm.gpt-4"}


def test_a_webhook_has_a_task_and_a_queue_of_its_own() -> None:
    message = json.loads(message_template(WEBHOOK_QUEUE, WEBHOOK_TASK))
    assert message["headers"]["task"] == WEBHOOK_TASK != TASK
    assert message["properties"]["delivery_info"]["routing_key"] == "pointsman:webhooks"


def test_no_placeholder_is_left() -> None:
    assert "@" not in json.dumps(filled())


def test_the_task_id_reads_back_as_job_and_binding() -> None:
    assert read_task_id("job-1.7") == ("job-1", 7)
    for other in ("2f1c3a52-7a0e", "", "job.x"):
        with pytest.raises(ValueError):
            read_task_id(other)


def test_celery_is_configured_never_to_bring_messages_back_by_itself() -> None:
    settings = Settings(_env_file=None, key_prefix="acme:")
    config = celery_config(settings)
    assert config["broker_transport_options"]["ack_emulation"] is False
    assert config["broker_transport_options"]["global_keyprefix"] == "acme:"
    assert config["result_backend_transport_options"]["global_keyprefix"] == "acme:"
    assert config["task_ignore_result"] is True
