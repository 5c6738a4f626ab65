"""Runs the simulated server: `python -m pointsman.simulated --port 8400`."""

from __future__ import annotations

from pointsman.router.runtime.start_up import end_on_sigterm, raise_open_files

if __name__ == "__main__":
    end_on_sigterm()

import asyncio
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from pointsman.router.config.yaml_file import load_yaml
from pointsman.router.vocabulary.errors import ConfigError

from .server import running_server
from .settings import Simulation

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def run(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 0,
    settings: Annotated[Path | None, typer.Option(help="YAML file with the models' behaviour.")] = None,
    allow_any_host: Annotated[bool, typer.Option(help="Listen on an address that others can reach.")] = False,
) -> None:
    """Serve simulated OpenAI, Anthropic and Gemini models until interrupted."""
    try:
        if host not in LOOPBACK and not allow_any_host:
            raise ConfigError(
                "not a loopback address: pass --allow-any-host if others may reach it", field="--host"
            )
        simulation = load_yaml(settings, Simulation) if settings else Simulation()
        raise_open_files()
        asyncio.run(_serve(simulation, host, port))
    except (ConfigError, OSError) as error:
        sys.stderr.write(f"pointsman: {error}\n")
        raise typer.Exit(2) from error


async def _serve(simulation: Simulation, host: str, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running_server(simulation, host=host, port=port) as (url, _):
        sys.stdout.write(f"simulated LLM server on {url}\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    typer.run(run)
