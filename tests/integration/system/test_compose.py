"""docker-compose.yml and Dockerfile: what they say, and that each service's command and health check really work.

No Docker is needed: the file is read as compose reads it, and a service runs as a process of this machine.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
import yaml
from dotenv import dotenv_values

from pointsman.local.embedded_redis import redis_server_binary
from pointsman.local.ports import free_port
from pointsman.router.routing.catalog import load_catalog
from tests.support.checkout import ROOT
from tests.support.redis_cli import write_redis_cli

pytestmark = pytest.mark.xdist_group("compose")  # the tests share what is started once

FILE = ROOT / "docker-compose.yml"
POINTSMAN = [sys.executable, "-m", "pointsman"]
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?P<how>:\?|:-)?(?P<words>[^}]*)\}")
SECONDS_AT_MOST = 30.0

FILLED = {
    "REDIS_PASSWORD": "swordfish",
    "POINTSMAN_API_KEYS": "sesame",
    "POINTSMAN_FLOWER_BASIC_AUTH": "ada:lovelace",
    "OPENAI_API_KEY": "no-key",
    "POINTSMAN_PRESENCE_SECONDS": "1.5",  # who is dead is forgotten sooner than by default
}

PARTS = ("dispatcher", "worker-gpt-4", "webhooks", "api", "flower")


class NotSet(Exception):
    """Raised where compose would end because a variable is not set; carries the variable's name."""


def filled_example() -> dict[str, str]:
    """Return what .env holds when its user has followed .env.example."""
    return {name: value or "" for name, value in dotenv_values(ROOT / ".env.example").items()} | FILLED


def substituted(node: Any, variables: Mapping[str, str]) -> Any:
    """Return a part of the file with its ${VAR}, ${VAR:?words} and ${VAR:-default} filled in."""
    if isinstance(node, dict):
        return {key: substituted(value, variables) for key, value in node.items()}
    if isinstance(node, list):
        return [substituted(item, variables) for item in node]
    return VARIABLE.sub(lambda found: _value(found, variables), node) if isinstance(node, str) else node


def _value(found: re.Match[str], variables: Mapping[str, str]) -> str:
    value = variables.get(found["name"], "")
    if not value and found["how"] == ":?":
        raise NotSet(found["name"])
    return value or (found["words"] if found["how"] == ":-" else "")


def services(variables: Mapping[str, str] | None = None) -> dict[str, dict[str, Any]]:
    """Return the services as compose would run them."""
    tree = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    found: dict[str, dict[str, Any]] = substituted(tree, variables or filled_example())["services"]
    return found


def worker_services() -> dict[str, dict[str, Any]]:
    return {name: service for name, service in services().items() if name.startswith("worker-")}


def dockerfile(word: str) -> list[str]:
    """Return what follows an instruction of the Dockerfile, each time it is given."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    return re.findall(rf"^{word} (.+)$", text, re.MULTILINE)


@pytest.mark.parametrize("name", ["REDIS_PASSWORD", "POINTSMAN_API_KEYS", "POINTSMAN_FLOWER_BASIC_AUTH"])
def test_a_password_that_is_not_set_stops_compose_and_is_named(name: str) -> None:
    with pytest.raises(NotSet, match=f"^{name}$"):
        services(filled_example() | {name: ""})


def test_every_variable_of_the_file_stands_in_the_example() -> None:
    used = {found["name"] for found in VARIABLE.finditer(FILE.read_text(encoding="utf-8"))}
    assert used <= filled_example().keys()


def test_redis_is_not_published_and_the_endpoints_are_on_loopback_only() -> None:
    published = {name: service["ports"] for name, service in services().items() if "ports" in service}
    assert published == {"api": ["127.0.0.1:8300:8300"], "flower": ["127.0.0.1:5555:5555"]}


def test_redis_keeps_its_data_in_a_volume() -> None:
    tree = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    assert tree["services"]["redis"]["volumes"] == ["redis-data:/data"]
    assert "redis-data" in tree["volumes"]


def test_every_model_has_a_worker_service_and_every_worker_service_a_model() -> None:
    models = load_catalog(ROOT / "models.yaml").models
    workers = worker_services()
    assert workers.keys() == {f"worker-{name}" for name in models}
    for name, model in models.items():
        worker = workers[f"worker-{name}"]
        assert worker["command"] == ["work", "--model", name]
        assert int(worker["stop_grace_period"].removesuffix("s")) > model.timeout_seconds
        # a model on the user's own machine may not be there: its worker starts only when it is asked for
        assert ("profiles" in worker) == ("127.0.0.1" in model.base_url)


def test_every_service_has_a_health_check_and_starts_again_by_itself() -> None:
    for name, service in services().items():
        assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL"), name
        assert service["restart"] == "unless-stopped", name


def test_every_part_waits_for_a_healthy_redis_and_drops_what_root_could_do() -> None:
    for name, service in services().items():
        if name == "redis":
            continue
        assert service["depends_on"] == {"redis": {"condition": "service_healthy"}}, name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert service["env_file"] == ".env", name


def test_one_dockerfile_builds_in_two_stages_and_runs_without_root() -> None:
    assert {service.get("build") for name, service in services().items() if name != "redis"} == {"."}
    assert len(dockerfile("FROM")) == 2
    last_stage = (ROOT / "Dockerfile").read_text(encoding="utf-8").rpartition("\nFROM ")[2]
    assert re.search(r"^USER pointsman$", last_stage, re.MULTILINE)
    assert "useradd" in last_stage
    assert dockerfile("ENTRYPOINT") == ['["pointsman"]']
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"] == {"pointsman": "pointsman.__main__:main"}


def test_the_image_gets_what_it_copies_and_no_secret() -> None:
    copied = {part for line in dockerfile("COPY") if "--from" not in line for part in line.split()[:-1]}
    let_through = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {line[1:] for line in let_through if line.startswith("!")} == copied
    assert "*" in let_through
    assert all((ROOT / name).exists() for name in copied)


class Stack:
    """Runs services of the file as processes here: the host `redis` and the ports are this machine's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = {"redis": free_port(), "api": free_port(), "flower": free_port()}
        self._services = services()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._tools = folder / "bin"
        self._tools.mkdir()
        write_redis_cli(self._tools)

    def environment(self, name: str) -> dict[str, str]:
        """Return what a container gets: the env_file, and over it the service's own variables."""
        service = self._services[name]
        own = (filled_example() if "env_file" in service else {}) | service["environment"]
        own |= {f"POINTSMAN_{part}_PORT": str(self.ports[part.lower()]) for part in ("API", "FLOWER")}
        mine = {"redis:6379": f"127.0.0.1:{self.ports['redis']}", "0.0.0.0": "127.0.0.1", "/app/": f"{ROOT}/"}
        for there, here in mine.items():
            own = {variable: value.replace(there, here) for variable, value in own.items()}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("POINTSMAN_")}
        tools = f"{self._tools}:{Path(sys.executable).parent}:{redis_server_binary().parent}:{kept['PATH']}"
        return kept | {"PATH": tools, "PYTHONPATH": str(ROOT)} | own

    def start(self, name: str) -> subprocess.Popen[bytes]:
        """Start a service's own command."""
        command: list[str] = self._services[name]["command"]
        if name == "redis":
            command = [str(redis_server_binary()), *command[1:], "--port", str(self.ports["redis"])]
            command += ["--dir", str(self.folder)]
        else:
            command = [*POINTSMAN, *command]
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                command, cwd=self.folder, env=self.environment(name), stdout=log, stderr=log, start_new_session=True
            )
        self._processes[name] = process
        return process

    def healthy(self, name: str) -> bool:
        """Run a service's own health check once."""
        how, *test = self._services[name]["healthcheck"]["test"]
        if how == "CMD-SHELL":
            test = ["sh", "-c", test[0].replace("redis-cli", f"redis-cli -p {self.ports['redis']}")]
        else:
            assert test[0] == "pointsman"
            test = [*POINTSMAN, *test[1:]]
        env = self.environment(name)
        return subprocess.run(test, cwd=self.folder, env=env, capture_output=True, check=False).returncode == 0

    def wait_for(self, name: str, *, healthy: bool) -> None:
        """Run the health check until it says so."""
        end = time.monotonic() + SECONDS_AT_MOST
        while self.healthy(name) is not healthy:
            log = (self.folder / f"{name}.log").read_text(errors="replace")[-2000:]
            assert time.monotonic() < end, f"{name} did not become {'' if healthy else 'un'}healthy: {log}"
            time.sleep(0.4)  # a check costs more than what it waits for

    def kill(self, name: str) -> None:
        """Kill a service as a crash would."""
        process = self._processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def close(self) -> None:
        """Kill what still runs, by pid."""
        for name in list(self._processes):
            self.kill(name)

    def client(self, password: str | None) -> redis.Redis:
        """Return a client of the stack's Redis."""
        return redis.Redis(port=self.ports["redis"], password=password, decode_responses=True)


@pytest.fixture
def new_stack(redis_url: str, tmp_path: Path) -> Iterator[Stack]:
    """A stack with nothing started; `redis_url` skips where this machine has no Redis server at all."""
    stack = Stack(tmp_path)
    yield stack
    stack.close()


@pytest.fixture(scope="module")
def stack(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with Redis up."""
    found = Stack(tmp_path_factory.mktemp("compose"))
    try:
        found.start("redis")
        found.wait_for("redis", healthy=True)
        yield found
    finally:
        found.close()


def test_redis_wants_its_password_loses_nothing_and_its_health_check_fails(new_stack: Stack) -> None:
    assert not new_stack.healthy("redis")
    new_stack.start("redis")
    new_stack.wait_for("redis", healthy=True)
    with new_stack.client(password=None) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    with new_stack.client(FILLED["REDIS_PASSWORD"]) as client:
        assert client.config_get("appendonly") == {"appendonly": "yes"}
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        client.config_set("requirepass", "another")
    assert not new_stack.healthy("redis"), "a check with a wrong password is no success"
    new_stack.kill("redis")
    assert not new_stack.healthy("redis")


@pytest.mark.parametrize("name", PARTS)
def test_a_part_is_healthy_while_it_runs_and_not_before_nor_after(stack: Stack, name: str) -> None:
    assert not stack.healthy(name)
    stack.start(name)
    stack.wait_for(name, healthy=True)
    LOOKED_INTO.get(name, lambda _: None)(stack)
    stack.kill(name)
    stack.wait_for(name, healthy=False)


def _api_wants_a_key(stack: Stack) -> None:
    url = f"http://127.0.0.1:{stack.ports['api']}/v1/models"
    assert httpx.get(url).status_code == 401
    assert httpx.get(url, headers={"x-api-key": FILLED["POINTSMAN_API_KEYS"]}).status_code == 200


def _flower_wants_a_password(stack: Stack) -> None:
    url = f"http://127.0.0.1:{stack.ports['flower']}/workers"
    assert httpx.get(url).status_code == 401
    assert httpx.get(url, auth=("ada", "lovelace")).status_code == 200


LOOKED_INTO: Mapping[str, Callable[[Stack], None]] = {"api": _api_wants_a_key, "flower": _flower_wants_a_password}


def test_the_api_is_not_healthy_while_redis_is_away(new_stack: Stack) -> None:
    new_stack.start("api")
    end = time.monotonic() + SECONDS_AT_MOST
    while "listens on" not in (new_stack.folder / "api.log").read_text():
        assert time.monotonic() < end
        time.sleep(0.05)
    assert not new_stack.healthy("api")
