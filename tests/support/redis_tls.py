"""A Redis that speaks TLS alone, with a certificate made for the test."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pointsman.local.embedded_redis import redis_server_binary, redis_server_command
from pointsman.local.ports import free_port
from tests.support.redis_server import start_server, stop_server

SELF_SIGNED = (
    "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 "
    "-keyout key.pem -out cert.pem"
)


@contextmanager
def running_tls_redis(folder: Path) -> Iterator[str]:
    """Run it inside the block and yield its URL; skips where server or `openssl` can not do TLS."""
    if shutil.which("openssl") is None:
        pytest.skip("the openssl command is not installed")
    subprocess.run(SELF_SIGNED.split(), cwd=folder, check=True, capture_output=True)
    if not _speaks_tls():
        pytest.skip("the redis-server of this machine was built without TLS")
    port, cert = free_port(), folder / "cert.pem"
    command = [*redis_server_command(folder, port), "--port", "0", "--tls-port", str(port)]
    command += ["--tls-cert-file", str(cert), "--tls-key-file", str(folder / "key.pem")]
    command += ["--tls-ca-cert-file", str(cert), "--tls-auth-clients", "no"]
    process = start_server(command, host="127.0.0.1", port=port, ssl=True, ssl_ca_certs=str(cert))
    try:
        yield f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={cert}"
    finally:
        stop_server(process)


def _speaks_tls() -> bool:
    """Whether the server knows TLS: without a certificate it then ends by asking for one."""
    command = [str(redis_server_binary()), "--port", "0", "--tls-port", str(free_port())]
    output = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10).stdout
    return "tls-cert-file" in output
