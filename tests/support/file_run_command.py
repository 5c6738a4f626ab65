"""Runs `pointsman batch run` as a user would, and reads what it leaves."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.support.live import Live, eventually

MODEL = "gpt-4"


def mixed_lines(count: int) -> list[dict[str, Any]]:
    """Return lines of all kinds in turn, each with a prompt of its own."""
    return [_line(at) for at in range(count)]


def _line(at: int) -> dict[str, Any]:
    messages = [{"role": "user", "content": f"Line {at}"}]
    match at % 4:
        case 0:
            body = {"model": MODEL, "messages": messages}
            return {"custom_id": f"c{at}", "method": "POST", "url": "/v1/chat/completions", "body": body}
        case 1:
            return {"prompt": f"Line {at}", "model": MODEL}
        case 2:
            body = {"model": MODEL, "input": f"Line {at}"}
            return {"custom_id": f"c{at}", "method": "POST", "url": "/v1/responses", "body": body}
        case _:
            return {"messages": messages, "model": MODEL, "custom_id": f"c{at}", "metadata": {"at": str(at)}}


def write_lines(path: Path, lines: Iterable[dict[str, Any]]) -> Path:
    """Write a file of lines."""
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return what a file of lines holds; nothing where there is no file."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def answer(line: dict[str, Any]) -> tuple[Any, str]:
    """Return what a line of output is of, and the text that was answered."""
    if "response" not in line:
        return line["line"], line["result"]["answer"]["text"]
    body = line["response"]["body"]
    if body["object"] == "response":
        return line["custom_id"], body["output"][0]["content"][0]["text"]
    return line["custom_id"], body["choices"][0]["message"]["content"]


class BatchRun:
    """The command for one input and one output, against the API or straight to Redis."""

    def __init__(self, live: Live, source: Path, output: Path, transport: str = "http") -> None:
        self._live, self.source, self.output = live, source, output
        api = f"http://127.0.0.1:{live.settings.api_port}"
        self._url = api if transport == "http" else live.settings.redis_url

    @property
    def errors(self) -> Path:
        """Where lines without an answer are."""
        return self.output.with_name(f"{self.output.stem}.failed.jsonl")

    @property
    def part(self) -> Path:
        """Where ended lines are until all have ended."""
        return self.output.with_name(f"{self.output.name}.part")

    def command(self, *options: str) -> list[str]:
        """Return the command line."""
        where = (str(self.source), "-o", str(self.output), "--url", self._url)
        return [sys.executable, "-m", "pointsman", "batch", "run", *where, *options]

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        """Start the command; what it says goes to a log."""
        return self._live.start(*self.command(*options), name="batch")

    def printed_text(self) -> str:
        """Return what the last command said."""
        logs = sorted(self._live.folder.glob("batch-*.log"), key=lambda path: int(path.stem.split("-")[1]))
        return logs[-1].read_text()

    async def run(self, *options: str, seconds: float = 100) -> int:
        """Run the command to its end and return its status."""
        return await ended(self.start(*options), seconds)

    async def until_ended(self, count: int) -> None:
        """Wait until so many lines have ended."""

        async def there() -> bool:
            return self.part.exists() and self.ended() >= count

        await eventually(there, what=f"{count} lines ended; {self._live.logs()}", seconds=60)

    def ended(self) -> int:
        """Return how many lines the part file has."""
        return sum(b"\tok\t" in line or b"\tfailed\t" in line for line in self.part.read_bytes().splitlines())


async def ended(process: subprocess.Popen[bytes], seconds: float = 100) -> int:
    """Return the status of a process once it has ended."""
    return await asyncio.to_thread(process.wait, seconds)
