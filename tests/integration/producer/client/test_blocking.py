"""The client in programs without asyncio."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from typing import Any

import pytest

from pointsman import Client
from pointsman.producer.client.transports.http import TURN_SECONDS
from pointsman.producer.errors import InvalidJob
from pointsman.router.vocabulary.job import JobState
from tests.support.checkout import ROOT
from tests.support.running_api import Api

SUPPORT = "technical_support"


def in_a_thread(work: Any) -> Any:
    return asyncio.to_thread(work)


async def test_the_sync_client_works_from_plain_threads(api: Api) -> None:
    def submit_and_cancel(client: Client) -> tuple[str, JobState]:
        job_id = client.submit("x", task_class=SUPPORT)
        return job_id, client.cancel(job_id)

    def work() -> None:
        with Client(api.url) as client:
            done: list[tuple[str, JobState]] = []
            threads = [threading.Thread(target=lambda: done.append(submit_and_cancel(client))) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert {state for _, state in done} == {JobState.CANCELLED}
            ids = [job_id for job_id, _ in done]
            assert [record.id for record in client.wait(ids, timeout=5)] == ids
            assert {record.id for record in client.as_finished(ids)} == set(ids)
            assert len(client.models()) == 3
            with pytest.raises(InvalidJob):
                client.submit("x", model="nothing")

    await in_a_thread(work)


async def test_the_sync_client_waits_for_a_result(api: Api) -> None:
    client = Client(api.url)
    job_id = await in_a_thread(lambda: client.submit("x", task_class=SUPPORT))
    waiting = asyncio.ensure_future(in_a_thread(lambda: client.result(job_id, timeout=10)))
    await api.until_subscribers(job_id, 1)
    await api.finish(job_id)
    assert (await waiting).answer.text == "42"
    await in_a_thread(client.close)
    await in_a_thread(client.close)
    with pytest.raises(RuntimeError, match="closed"):
        client.get(job_id)


async def test_the_sync_iterator_ends_with_its_time_and_with_its_caller(api: Api) -> None:
    def work() -> None:
        with Client(api.url) as client:
            ended, waits = client.submit_many(["a", "b"])
            client.cancel(ended)
            for record in client.as_finished([ended, waits]):
                assert record.id == ended
                break
            with pytest.raises(TimeoutError):
                list(client.as_finished([ended, waits], timeout=0.2))

    await in_a_thread(work)


WAITS_FOR_EVER = """
import sys
from pointsman import Client
with Client(sys.argv[1]) as client:
    job_id = client.submit("x")
    print(job_id, flush=True)
    try:
        if sys.argv[2] == "wait":
            client.wait([job_id])
        else:
            list(client.as_finished([job_id]))
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


@pytest.mark.parametrize("how", ["wait", "as_finished"])
async def test_ctrl_c_interrupts_a_wait_at_once(api: Api, how: str) -> None:
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WAITS_FOR_EVER, api.url, how, cwd=ROOT, stdout=subprocess.PIPE
    )
    assert program.stdout is not None
    job_id = (await program.stdout.readline()).decode().strip()
    await api.until_subscribers(job_id, 1)
    os.kill(program.pid, signal.SIGINT)
    async with asyncio.timeout(TURN_SECONDS / 2):
        assert await program.stdout.readline() == b"interrupted\n"
        assert await program.wait() == 0
