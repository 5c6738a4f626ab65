"""A whole job over rediss://, from submit to result: every library finds the certificate in the one URL."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery

from pointsman import AsyncClient
from pointsman.router.broker.message import celery_config
from pointsman.router.vocabulary.errors import StoreUnavailable
from tests.support.live import Live
from tests.support.redis_tls import running_tls_redis


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    """A server of this test's own."""
    folder = tmp_path / "redis"
    folder.mkdir()
    with running_tls_redis(folder) as url:
        yield url


async def test_a_job_goes_all_the_way_over_tls(live: Live) -> None:
    live.dispatcher()
    live.worker("gpt-4")
    await live.until_capacity(gpt_4=4)
    url, prefix = live.settings.redis_url, live.settings.key_prefix
    async with AsyncClient(url, models_file=live.models_file, key_prefix=prefix) as client:
        job_id = await client.submit("over TLS", task_class="technical_support")
        result = await client.result(job_id, timeout=30)
    app = Celery(set_as_current=False)
    app.conf.update(celery_config(live.settings))
    found = await asyncio.to_thread(app.AsyncResult(job_id).get, 20)
    app.close()
    assert found["answer"]["text"] == result.answer.text


async def test_a_certificate_that_nobody_vouches_for_is_refused(live: Live) -> None:
    url = live.settings.redis_url.partition("?")[0]
    async with AsyncClient(url, models_file=live.models_file, retries=0) as client:
        with pytest.raises(StoreUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
            await client.submit("over TLS")
