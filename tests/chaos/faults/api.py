"""The API dies while clients submit; each of them asks again with its idempotency key."""

from __future__ import annotations

import asyncio
import secrets

import httpx

from tests.chaos.faults.registry import fault
from tests.chaos.trial import Trial

API = "api"
CLIENTS = 16
KILL_AT = (300, 900, 1500)


@fault()
async def api_killed_in_mid_submit(trial: Trial) -> None:
    """What was answered 202 exists, and asking again with the same key adds no job."""
    before = await _sequence(trial)
    run = secrets.token_hex(4)
    keys = [f"{run}-{number}" for number in range(2000)]
    answers: dict[str, str] = {}
    trial.fleet.start(API)
    clients = [asyncio.create_task(_submit(trial, keys[at::CLIENTS], answers)) for at in range(CLIENTS)]
    for count in KILL_AT:
        await trial.until(lambda count=count: _reached(answers, count), f"{count} jobs accepted")
        trial.fleet.kill(API)
        trial.fleet.start(API)
    await asyncio.gather(*clients)
    again: dict[str, str] = {}
    await _submit(trial, keys[:200], again)
    assert again == {key: answers[key] for key in keys[:200]}
    trial.ids = [answers[key] for key in keys]
    assert len(set(trial.ids)) == len(keys)
    assert await _sequence(trial) - before == len(keys), "a repeated submit made another job"
    trial.fleet.kill(API)
    await trial.until_share_ended(1)
    await trial.succeeded()


async def _sequence(trial: Trial) -> int:
    """Return how many jobs were ever made."""
    return int(await trial.redis.get(trial.keys.key("sequence")) or 0)


async def _reached(answers: dict[str, str], count: int) -> bool:
    return len(answers) >= count


async def _submit(trial: Trial, keys: list[str], answers: dict[str, str]) -> None:
    """Submit one job for each key, again and again until it is accepted."""
    url = f"http://127.0.0.1:{trial.fleet.settings.api_port}"
    async with httpx.AsyncClient(base_url=url, timeout=20, verify=False) as http:
        for key in keys:
            body = {"prompt": f"whatever {key}", "task_class": "any", "idempotency_key": key}
            while key not in answers:
                try:
                    reply = await http.post("/v1/jobs", json=body)
                except httpx.TransportError:
                    await asyncio.sleep(0.1)  # nobody listens while the API starts again
                    continue
                assert reply.status_code == 202, reply.text
                answers[key] = str(reply.json()["id"])
