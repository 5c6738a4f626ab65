"""The way over HTTP to the producer API."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from pointsman.router.runtime.cancellation import stop
from pointsman.router.runtime.http import HTTPError, Timeout, abandon, open_client
from pointsman.router.vocabulary.delivery import Delivery, DeliveryState
from pointsman.router.vocabulary.errors import ConfigError, UnknownDelivery, UnknownJob
from pointsman.router.vocabulary.job import JobId, JobRecord, JobSpec, JobState
from pointsman.router.vocabulary.views import (
    DeadFilter,
    DeadPage,
    DeliveryPage,
    Explanation,
    KnownNames,
    ModelView,
    RetriedPage,
)

from ...errors import ApiUnavailable
from .http_replies import read_record, read_reply

Item = TypeVar("Item")


@dataclass(frozen=True)
class _StreamEnd:
    """One of the streams has ended, by an error or not."""

    error: Exception | None = None


async def merged(streams: Sequence[AsyncGenerator[Item, None]]) -> AsyncGenerator[Item, None]:
    """Yield what any of the streams yields as it comes; raises the first error, and leaves none of them open."""
    found: asyncio.Queue[Item | _StreamEnd] = asyncio.Queue(maxsize=1)

    async def drain(stream: AsyncGenerator[Item, None]) -> None:
        try:
            async with aclosing(stream):
                async for item in stream:
                    await found.put(item)
        except Exception as error:  # whoever reads gets it
            await found.put(_StreamEnd(error))
        else:
            await found.put(_StreamEnd())

    tasks = [asyncio.create_task(drain(stream)) for stream in streams]
    left = len(tasks)
    try:
        while left:
            item = await found.get()
            if not isinstance(item, _StreamEnd):
                yield item
            elif item.error is not None:
                raise item.error
            else:
                left -= 1
    finally:
        await stop(*tasks)


CONNECTIONS = 256
JOBS_PER_STREAM = 5000
"""Jobs that one stream of ends tells of: as many as the API allows."""
TURN_SECONDS = 30.0
QUIET_SECONDS = 60.0
"""Longer than the API is ever silent on a stream: then it is not there any more."""
ANSWER_SECONDS = 30.0
EXPLAINED_AT_MOST, EXPLAINED_AT_ONCE = 500, 8

RECORDS = TypeAdapter(list[JobRecord])
DELIVERIES = TypeAdapter(list[Delivery])
DELIVERY_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
VIEWS = TypeAdapter(list[ModelView])
JOB_ID = TypeAdapter[str](JobId)


class HttpTransport:
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
            reply = await self._request("POST", "/v1/jobs", body=specs[0].model_dump_json(exclude_none=True))
            return [str(reply["id"])]
        jobs = ",".join(spec.model_dump_json(exclude_none=True) for spec in specs)
        reply = await self._request("POST", "/v1/jobs/batch", body=f'{{"jobs":[{jobs}]}}')
        return [str(job_id) for job_id in reply["ids"]]

    async def get(self, job_id: str) -> JobRecord:
        """Return all that is known of a job."""
        return await self._get(job_id, 0.0)

    async def finished(self, job_ids: Sequence[str]) -> AsyncGenerator[JobRecord, None]:
        """Yield each record when its job ends: a long poll for one job, a stream for up to JOBS_PER_STREAM."""
        for job_id in job_ids:
            _path(job_id)
        if len(job_ids) == 1:
            while not (record := await self._get(job_ids[0], TURN_SECONDS)).done:
                pass
            yield record
            return
        portions = [job_ids[at : at + JOBS_PER_STREAM] for at in range(0, len(job_ids), JOBS_PER_STREAM)]
        async with aclosing(merged([self._stream_of_ends(portion) for portion in portions])) as records:
            async for record in records:
                yield record

    async def _stream_of_ends(self, job_ids: Sequence[str]) -> AsyncGenerator[JobRecord, None]:
        waiting = set(job_ids)
        with self._away():
            async with self._client.stream(
                "POST",
                f"{self._url}/v1/jobs/finished",
                content=json.dumps({"ids": job_ids}),
                headers={**self._headers, "content-type": "application/json"},
                timeout=Timeout(ANSWER_SECONDS, read=QUIET_SECONDS, pool=None),
            ) as response:
                if not response.is_success:
                    await response.aread()
                    read_reply(response)
                async for line in response.aiter_lines():
                    if line:
                        record = read_record(line)
                        waiting.discard(record.id)
                        yield record
        if waiting:
            raise ApiUnavailable(f"{self._url} stopped to tell of jobs")

    async def _get(self, job_id: str, wait_seconds: float) -> JobRecord:
        params = {"wait": wait_seconds} if wait_seconds else {}
        reply = await self._request("GET", _path(job_id), params=params, waits=wait_seconds)
        return JobRecord.model_validate(reply)

    async def cancel(self, job_id: str) -> JobState:
        """Cancel a job."""
        reply = await self._request("DELETE", _path(job_id))
        return JobState(reply["state"])

    async def retry(self, job_id: str) -> JobState:
        """Let a dead letter begin anew."""
        reply = await self._request("POST", f"{_path(job_id)}/retry")
        return JobState(reply["state"])

    async def dead(self, wanted: DeadFilter, *, limit: int) -> DeadPage:
        """Return a page of dead letters."""
        params = wanted.model_dump(mode="json", exclude_defaults=True) | {"limit": limit}
        reply = await self._request("GET", "/v1/dead", params=params)
        return DeadPage(RECORDS.validate_python(reply["jobs"]), reply.get("cursor"))

    async def retry_dead(self, wanted: DeadFilter, *, limit: int) -> RetriedPage:
        """Let a page of dead letters begin anew."""
        body = json.dumps(wanted.model_dump(mode="json", exclude_defaults=True) | {"limit": limit})
        reply = await self._request("POST", "/v1/dead/retry", body=body)
        return RetriedPage(list(map(str, reply["ids"])), reply.get("cursor"))

    async def deliveries(self, state: DeliveryState, *, limit: int, cursor: int | None) -> DeliveryPage:
        """Return a page of webhook deliveries."""
        params = {"state": state.value, "limit": limit} | ({} if cursor is None else {"cursor": cursor})
        reply = await self._request("GET", "/v1/webhooks/deliveries", params=params)
        return DeliveryPage(DELIVERIES.validate_python(reply["deliveries"]), reply.get("cursor"))

    async def redeliver(self, delivery_id: str) -> DeliveryState:
        """Let a delivery begin anew."""
        if not DELIVERY_ID.fullmatch(delivery_id):  # none has such an id, and it could lead elsewhere
            raise UnknownDelivery(delivery_id)
        reply = await self._request("POST", f"/v1/webhooks/deliveries/{delivery_id}/redeliver")
        return DeliveryState(reply["state"])

    async def explain(self, spec: JobSpec) -> Explanation:
        """Return where a job would go if it came now."""
        reply = await self._request("POST", "/v1/route", body=spec.model_dump_json(exclude_none=True))
        return Explanation.model_validate(reply)

    @property
    def explained_at_most(self) -> int:
        """Each is a request: as many as take a few seconds."""
        return EXPLAINED_AT_MOST

    async def explain_many(self, specs: Sequence[JobSpec]) -> list[Explanation]:
        """Return where each of these jobs would go if it alone came now, with some requests at a time."""
        turn = asyncio.Semaphore(EXPLAINED_AT_ONCE)

        async def explain(spec: JobSpec) -> Explanation:
            async with turn:
                return await self.explain(spec)

        return await asyncio.gather(*map(explain, specs))

    async def models(self) -> list[ModelView]:
        """Return the live state of every model."""
        reply = await self._request("GET", "/v1/models")
        return VIEWS.validate_python(reply["models"])

    async def warnings(self) -> list[str]:
        """Return what keeps jobs from being done."""
        reply = await self._request("GET", "/v1/models")
        return list(map(str, reply["warnings"]))

    async def names(self) -> KnownNames:
        """Return what a job may name."""
        reply = await self._request("GET", "/v1/models")
        return KnownNames.model_validate(reply["names"])

    async def _request(
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
        with self._away():
            response = await self._client.request(
                method, self._url + path, content=body, params=params, headers=headers, timeout=timeout
            )
        return read_reply(response)

    @contextmanager
    def _away(self) -> Iterator[None]:
        try:
            yield
        except HTTPError as error:
            raise ApiUnavailable(f"{self._url} cannot be reached: {error or type(error).__name__}") from error

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    def abandon(self) -> None:
        """Let go of every connection without a word of the HTTP library's."""
        abandon(self._client)


def _path(job_id: str) -> str:
    try:
        return f"/v1/jobs/{JOB_ID.validate_python(job_id)}"
    except ValidationError:  # no job can have such an id, and it could lead elsewhere as part of a URL
        raise UnknownJob(job_id) from None
