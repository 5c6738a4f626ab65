"""Runs the command line as a process, against an API of a test."""

from __future__ import annotations

import asyncio
import os
import sys
from tempfile import TemporaryFile

from tests.support.checkout import ROOT
from tests.support.running_api import Api
from tests.support.warm_start import start_warm

SECONDS_AT_MOST = 60.0


async def run(api: Api, *arguments: str) -> tuple[int, str, str]:
    """Run the command line against the API; returns status, output and errors."""
    environment = {**os.environ, "POINTSMAN_URL": api.url, "COLUMNS": "160"}
    with TemporaryFile() as output, TemporaryFile() as errors:
        command = (sys.executable, "-m", "pointsman", *arguments)
        process = start_warm(command, cwd=ROOT, env=environment, stdout=output, stderr=errors)
        status = await asyncio.to_thread(process.wait, SECONDS_AT_MOST)
        output.seek(0)
        errors.seek(0)
        return status, output.read().decode(), errors.read().decode()
