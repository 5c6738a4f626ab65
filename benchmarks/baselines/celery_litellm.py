"""Celery with the LiteLLM SDK, on threads: the same settings as the worker with httpx, and LiteLLM's own client."""

from __future__ import annotations

import os
from typing import Any

import litellm
from celery import Celery, Task

from .celery_httpx.app import MOST_TRIES, TIMEOUT_SECONDS
from .celery_httpx.configuration import configuration
from .celery_httpx.options import Options

litellm.suppress_debug_info = True
options = Options.read(os.environ)
app = Celery("litellm", set_as_current=False)
app.conf.update(configuration(options))


@app.task(
    bind=True,
    name="baseline.ask",
    autoretry_for=(litellm.exceptions.APIConnectionError, litellm.exceptions.InternalServerError),
    retry_backoff=1,
    retry_backoff_max=60,
    retry_jitter=True,
    max_retries=MOST_TRIES,
)
def ask(self: Task, prompt: str) -> dict[str, Any]:
    """Ask the model through LiteLLM."""
    answer = litellm.completion(
        model="openai/bench",
        api_base=options.llm_url,
        api_key="none",
        messages=[{"role": "user", "content": prompt}],
        timeout=TIMEOUT_SECONDS,
        max_retries=0,
    )
    return {"text": answer.choices[0].message.content, "usage": answer.usage.model_dump()}
