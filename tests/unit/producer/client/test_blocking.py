"""The client without asyncio, over a transport that ends every job at once."""

from __future__ import annotations

import asyncio
import gc
import threading
import warnings
from collections.abc import AsyncGenerator, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from typing import Any

import pytest

from pointsman import AsyncClient, Client
from pointsman.producer.client import asyncio as asyncio_client
from pointsman.router.vocabulary.errors import ConfigError
from pointsman.router.vocabulary.job import JobRecord, JobSpec, JobState
from pointsman.router.vocabulary.views import RetriedPage

TOO_MANY = 3000
"""Well above what a window of 10 and the hand-over may hold, and reached within a moment without a bound."""


def ended(job_id: str) -> JobRecord:
    return JobRecord(
        id=job_id, state=JobState.CANCELLED, tenant="default", priority=5, submitted=0, expires=1, max_attempts=1
    )


class EndsAtOnce:
    """A transport whose jobs end as they come, and whose pages of retried jobs never end."""

    def __init__(self) -> None:
        self.closed, self.pages = threading.Event(), 0

    async def submit_many(self, specs: Sequence[JobSpec]) -> list[str]:
        return [str(spec.id) for spec in specs]

    async def finished(self, job_ids: Sequence[str]) -> AsyncGenerator[JobRecord, None]:
        for job_id in job_ids:
            yield ended(job_id)

    async def retry_dead(self, wanted: Any, *, limit: int) -> RetriedPage:
        self.pages += 1
        return RetriedPage([f"page-{self.pages}"], 1.0)

    async def close(self) -> None:
        self.closed.set()

    def abandon(self) -> None: ...


class Endless:
    """A source without end that knows how many were taken of it, and whether it was closed."""

    def __init__(self) -> None:
        self.taken, self.too_many, self.closed = 0, threading.Event(), threading.Event()

    def __iter__(self) -> Iterator[str]:
        try:
            while True:
                self.taken += 1
                if self.taken >= TOO_MANY:
                    self.too_many.set()
                yield f"job {self.taken}"
        finally:
            self.closed.set()


@pytest.fixture
def transport() -> EndsAtOnce:
    return EndsAtOnce()


@pytest.fixture
def client(transport: EndsAtOnce, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setattr(asyncio_client, "open_transport", lambda *_, **__: transport)
    with Client("http://127.0.0.1:1") as opened:
        yield opened


def test_a_slow_reader_holds_back_a_source_without_end(client: Client) -> None:
    source = Endless()
    records = client.run_many(iter(source), window=10)
    next(records)
    assert not source.too_many.wait(1)
    seen = {record.id for record in islice(records, TOO_MANY)}
    assert len(seen) == TOO_MANY  # and what was held back comes, each once
    records.close()
    assert source.closed.wait(10)


def test_a_slow_reader_of_ends_gets_all_of_them(client: Client) -> None:
    ids = [f"job-{number:06}" for number in range(2000)]
    records = client.as_finished(ids)
    first = next(records)
    assert {first.id, *(record.id for record in records)} == set(ids)


def test_each_record_comes_with_its_job(client: Client) -> None:
    jobs = ["a prompt", {"prompt": "a mapping", "temperature": 0}, JobSpec(prompt="a spec")]
    records = list(client.run_many(jobs, seed=1))
    assert sorted(map(str, (record.job for record in records))) == sorted(map(str, jobs))
    assert all(isinstance(record, JobRecord) and record.done for record in records)
    assert "job" not in records[0].summary()  # the record itself is as everywhere


def test_no_page_is_retried_that_nobody_reads(client: Client, transport: EndsAtOnce) -> None:
    pages = client.retry_dead()
    assert [next(pages), next(pages)] == [["page-1"], ["page-2"]]
    assert transport.pages == 2


def test_a_call_that_another_thread_closes_under_it_says_so(client: Client, transport: EndsAtOnce) -> None:
    started = threading.Event()

    async def hangs() -> list[Any]:
        started.set()
        await asyncio.Event().wait()
        raise AssertionError

    transport.models = hangs  # type: ignore[method-assign] # a call that would wait for ever
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            client.models()
        except RuntimeError as error:
            errors.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    assert started.wait(10)
    client.close()
    asking.join(10)
    assert [str(error) for error in errors] == ["the client was closed meanwhile"]


class Nothing(BaseHTTPRequestHandler):
    """An API without any model."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "28")
        self.end_headers()
        self.wfile.write(b'{"models":[], "warnings":[]}')

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Nothing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_an_unclosed_client_warns_in_our_words_alone(url: str, caplog: pytest.LogCaptureFixture) -> None:
    opened = Client(url)
    assert opened.models() == []
    (thread,) = (thread for thread in threading.enumerate() if thread.name == "pointsman-client")
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        del opened
        gc.collect()
        thread.join(10)
        gc.collect()
    assert [str(warning.message) for warning in seen] == [
        "unclosed pointsman Client: use `with Client(...) as client:`, or call its close()"
    ]
    assert not thread.is_alive()
    assert caplog.text == ""


async def test_an_unclosed_asyncio_client_warns_in_our_words_alone(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    opened = AsyncClient(url)
    assert await opened.models() == []
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        del opened
        gc.collect()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        gc.collect()
    assert [str(warning.message) for warning in seen] == [
        "unclosed pointsman AsyncClient: use `async with AsyncClient(...) as client:`, or await its close()"
    ]
    assert caplog.text == ""


def test_a_closed_client_and_one_that_never_opened_do_not_warn(url: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with Client(url) as opened:
            opened.models()
        with pytest.raises(ConfigError, match="http"):
            Client("nowhere")
        gc.collect()
