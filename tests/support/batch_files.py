"""What the tests of batches share: clients, lines, and files of them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from openai import AsyncOpenAI
from openai.types import Batch

from tests.support.live import eventually

CHAT = "/v1/chat/completions"
ENDS = ("completed", "failed", "expired", "cancelled")


@asynccontextmanager
async def openai_client(url: str, *, key: str = "any") -> AsyncIterator[AsyncOpenAI]:
    """Yield the official client, as strict as it can be with what it gets."""
    async with AsyncOpenAI(
        base_url=f"{url}/v1", api_key=key, _strict_response_validation=True, max_retries=5
    ) as client:
        yield client


def chat_line(custom_id: str, model: str = "gpt-4", **more: Any) -> dict[str, Any]:
    """Return a line that asks for one chat completion."""
    body = {"model": model, "messages": [{"role": "user", "content": f"Say {custom_id}"}], **more}
    return {"custom_id": custom_id, "method": "POST", "url": CHAT, "body": body}


def jsonl(lines: list[dict[str, Any]]) -> bytes:
    """Return the lines as a file's content."""
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


async def create(client: AsyncOpenAI, content: bytes, endpoint: Any = CHAT, window: Any = "24h") -> Batch:
    """Upload a file and create a batch of it."""
    file = await client.files.create(file=("input.jsonl", content), purpose="batch")
    return await client.batches.create(input_file_id=file.id, endpoint=endpoint, completion_window=window)


async def until_status(client: AsyncOpenAI, batch_id: str, *statuses: str) -> Batch:
    """Return the batch once it is in one of these statuses, or has ended where none is named."""

    async def there() -> Batch | None:
        batch = await client.batches.retrieve(batch_id)
        return batch if batch.status in (statuses or ENDS) else None

    found: Batch = await eventually(there, what=f"{batch_id} in {statuses or ENDS}", seconds=100)
    return found


async def read(client: AsyncOpenAI, file_id: str | None) -> list[dict[str, Any]]:
    """Return the lines of a file."""
    assert file_id is not None
    content = await client.files.content(file_id)
    return [json.loads(line) for line in content.text.splitlines()]
