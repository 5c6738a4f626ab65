"""The way over HTTP to the producer API."""

from __future__ import annotations

import asyncio
import json
import re
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from router.delivery import Delivery, DeliveryState
from router.errors import ConfigError, UnknownDelivery, UnknownJob
from router.http import HTTPError, Timeout, open_client
from router.job import JobId, JobRecord, JobSpec, JobState
from router.stopping import stop
from router.views import DeadFilter, DeadPage, DeliveryPage, Explanation, ModelView, RetriedPage

from ..errors import ApiUnavailable
from .replies import read_reply

CONNECTIONS = 256
ASKS_AT_ONCE = 64
"""Long polls of one `finished`; more jobs than these take turns."""
TURN_SECONDS = 30.0
SHORT_TURN_SECONDS = 2.0
ANSWER_SECONDS = 30.0

RECORDS = TypeAdapter(list[JobRecord])
DELIVERIES = TypeAdapter(list[Delivery])
DELIVERY_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
VIEWS = TypeAdapter(list[ModelView])
JOB_ID = TypeAdapter[str](JobId)


class HttpDoor:
    """Asks the API; each method is one request, but for `finished`."""

    def __init__(self, url: str, *, api_key: str | None) -> None:
        if not url.startswith(("http://", "https://")):
            known = "http://, https://, redis://, rediss:// or sentinel://"
            raise ConfigError(f"expected a URL with {known}, not {url!r}", field="url")
        self._url = url.rstrip("/")
        self._headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
        self._client = open_client(connections=CONNECTIONS, timeout_seconds=ANSWER_SECONDS)

    async def submit_many(self, specs: Sequence[JobSpec]) -> list[str]:
        """Send jobs in one request."""
        if len(specs) == 1:
            reply = await self._ask("POST", "/v1/jobs", body=specs[0].model_dump_json(exclude_none=True))
            return [str(reply["id"])]
        jobs = ",".join(spec.model_dump_json(exclude_none=True) for spec in specs)
        reply = await self._ask("POST", "/v1/jobs/batch", body=f'{{"jobs":[{jobs}]}}')
        return [str(job_id) for job_id in reply["ids"]]

    async def get(self, job_id: str) -> JobRecord:
        """Return all that is known of a job."""
        return await self._get(job_id, 0.0)

    async def finished(self, job_ids: Sequence[str]) -> AsyncGenerator[JobRecord, None]:
        """Yield each record when its job ends, by long polls; jobs beyond ASKS_AT_ONCE wait for their turn."""
        line = deque(dict.fromkeys(job_ids))
        turn = TURN_SECONDS if len(line) <= ASKS_AT_ONCE else SHORT_TURN_SECONDS
        asking: set[asyncio.Task[JobRecord]] = set()
        try:
            while line or asking:
                while line and len(asking) < ASKS_AT_ONCE:
                    asking.add(asyncio.create_task(self._get(line.popleft(), turn)))
                answered, asking = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
                records = await asyncio.gather(*answered)
                line.extend(record.id for record in records if not record.done)
                for record in sorted(records, key=lambda record: record.finished or 0.0):
                    if record.done:
                        yield record
        finally:
            await stop(*asking)

    async def _get(self, job_id: str, wait_seconds: float) -> JobRecord:
        params = {"wait": wait_seconds} if wait_seconds else {}
        reply = await self._ask("GET", _path(job_id), params=params, waits=wait_seconds)
        return JobRecord.model_validate(reply)

    async def cancel(self, job_id: str) -> JobState:
        """Cancel a job."""
        reply = await self._ask("DELETE", _path(job_id))
        return JobState(reply["state"])

    async def retry(self, job_id: str) -> JobState:
        """Let a dead letter begin anew."""
        reply = await self._ask("POST", f"{_path(job_id)}/retry")
        return JobState(reply["state"])

    async def dead(self, asked: DeadFilter, *, limit: int) -> DeadPage:
        """Return a page of dead letters."""
        params = asked.model_dump(mode="json", exclude_defaults=True) | {"limit": limit}
        reply = await self._ask("GET", "/v1/dead", params=params)
        return DeadPage(RECORDS.validate_python(reply["jobs"]), reply.get("cursor"))

    async def retry_dead(self, asked: DeadFilter, *, limit: int) -> RetriedPage:
        """Let a page of dead letters begin anew."""
        body = json.dumps(asked.model_dump(mode="json", exclude_defaults=True) | {"limit": limit})
        reply = await self._ask("POST", "/v1/dead/retry", body=body)
        return RetriedPage(list(map(str, reply["ids"])), reply.get("cursor"))

    async def deliveries(self, state: DeliveryState, *, limit: int, cursor: int | None) -> DeliveryPage:
        """Return a page of webhook deliveries."""
        params = {"state": state.value, "limit": limit} | ({} if cursor is None else {"cursor": cursor})
        reply = await self._ask("GET", "/v1/webhooks/deliveries", params=params)
        return DeliveryPage(DELIVERIES.validate_python(reply["deliveries"]), reply.get("cursor"))

    async def redeliver(self, delivery_id: str) -> DeliveryState:
        """Let a delivery begin anew."""
        if not DELIVERY_ID.fullmatch(delivery_id):  # none has such an id, and it could lead elsewhere
            raise UnknownDelivery(delivery_id)
        reply = await self._ask("POST", f"/v1/webhooks/deliveries/{delivery_id}/redeliver")
        return DeliveryState(reply["state"])

    async def explain(self, spec: JobSpec) -> Explanation:
        """Return where a job would go if it came now."""
        reply = await self._ask("POST", "/v1/route", body=spec.model_dump_json(exclude_none=True))
        return Explanation.model_validate(reply)

    async def models(self) -> list[ModelView]:
        """Return the live state of every model."""
        reply = await self._ask("GET", "/v1/models")
        return VIEWS.validate_python(reply["models"])

    async def warnings(self) -> list[str]:
        """Return what keeps jobs from being done."""
        reply = await self._ask("GET", "/v1/models")
        return list(map(str, reply["warnings"]))

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        body: str | None = None,
        params: Mapping[str, Any] | None = None,
        waits: float = 0.0,
    ) -> Any:
        headers = self._headers if body is None else {**self._headers, "content-type": "application/json"}
        # a request may wait without limit for a free connection of ours: that says nothing about the API
        timeout = Timeout(ANSWER_SECONDS + waits, pool=None)
        try:
            response = await self._client.request(
                method, self._url + path, content=body, params=params, headers=headers, timeout=timeout
            )
        except HTTPError as error:
            raise ApiUnavailable(f"{self._url} can not be reached: {error or type(error).__name__}") from error
        return read_reply(response)

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()


def _path(job_id: str) -> str:
    try:
        return f"/v1/jobs/{JOB_ID.validate_python(job_id)}"
    except ValidationError:  # no job can have such an id, and it could lead elsewhere as part of a URL
        raise UnknownJob(job_id) from None
