"""The Celery task of the webhooks: one try of a delivery, named by its task id `<delivery>.<number>`."""

from __future__ import annotations

from typing import Any

from pointsman.router.broker.message import WEBHOOK_TASK, read_task_id

from ..tasks import AttemptFailed, Awaited
from .runtime import WebhookRuntime


class SendWebhook(Awaited):
    """Carries out one try."""

    name = WEBHOOK_TASK

    def __init__(self) -> None:
        super().__init__()
        self.runtime: WebhookRuntime | None = None

    async def arun(self, task_id: str, request: dict[str, Any]) -> str:
        """Send; returns what came of it in one word, raises AttemptFailed with the reason."""
        if self.runtime is None:
            raise RuntimeError("webhooks are sent by a worker of their own: pointsman work --webhooks")
        report = await self.runtime.sender.send(*read_task_id(task_id))
        if report.failed:
            raise AttemptFailed(report.words)
        return report.words
