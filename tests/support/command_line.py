"""Runs the command line as a process, against an API of a test."""

from __future__ import annotations

import asyncio
import os
import sys

from tests.support.running_api import Api


async def run(api: Api, *arguments: str) -> tuple[int, str, str]:
    """Run the command line against the API; returns status, output and errors."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pointsman", *arguments,
        env={**os.environ, "POINTSMAN_URL": api.url, "COLUMNS": "160"},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, errors = await process.communicate()
    return process.returncode or 0, output.decode(), errors.decode()
