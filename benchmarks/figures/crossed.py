"""The files that one job crosses: real processes, a real Redis, the simulated LLM server over HTTP.

`pointsman up --simulate` runs a dispatcher, the API and a worker for the first model; a client submits the same job
over HTTP a few times and waits for each. Every process writes down which files of the project have a function that
is called, and which Lua scripts run (probe/). A file counts where that is so for each of five jobs that follow one
another on warm processes, so that a duty that happens to come by does not. What runs at import, the simulated
server and `up` itself do not count; a file that only holds data does not either: no function of it is called.

A round is the dispatcher's, from its first line to its last: for each job the one that crosses most files, which is
the one that binds.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import yaml

from .checkout import PACKAGES, Checkout

PROBE = Path(__file__).parent / "probe"
START_SECONDS = 120.0
JOBS_SECONDS = 180.0
STOP_SECONDS = 60.0
QUIET = {f"POINTSMAN_{name}_SECONDS": "60" for name in ("UPKEEP", "PRESENCE", "LEASE")}
"""Duties that have nothing to do with a job come by as seldom as can be."""


class Call(NamedTuple):
    """One call of a project function: when, in which round of the dispatcher (`-`: none), in which file."""

    at: int
    round: str
    file: str


@dataclass(frozen=True)
class Crossed:
    """The files that a job crosses, and one round of the dispatcher, and how often a job changes file (median)."""

    job: list[str]
    round: list[str]
    changes: int


def crossed(checkout: Checkout) -> Crossed:
    """Run a few jobs and return what each of them crosses; raises RuntimeError when a part does not start."""
    with tempfile.TemporaryDirectory(prefix="figures-") as name:
        folder = Path(name)
        with _running(checkout.root, folder) as (url, environment, up):
            spans_file = folder / "spans.json"
            command = [sys.executable, str(PROBE / "jobs.py"), url, str(spans_file)]
            subprocess.run(command, env=environment, cwd=folder, check=True, timeout=JOBS_SECONDS)
        spans = json.loads(spans_file.read_text(encoding="utf-8"))
        threads = [_calls(log) for log in folder.glob("*.calls") if log.stem != str(up)]
        return count(spans, threads, _scripts(checkout, folder))


@contextmanager
def _running(root: Path, folder: Path) -> Iterator[tuple[str, dict[str, str], int]]:
    """Yield the API's URL, the environment for a traced process, and the process id of `up`."""
    port = _free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("POINTSMAN_")}
    environment |= QUIET | {"POINTSMAN_API_PORT": str(port), "PYTHONPATH": f"{PROBE}{os.pathsep}{root}"}
    environment |= {"FIGURES_FOLDER": str(folder), "FIGURES_ROOT": str(root)}
    models_file = root / "models.yaml"
    model = next(iter(yaml.safe_load(models_file.read_text(encoding="utf-8"))["models"]))
    command = [sys.executable, "-m", "pointsman", "up", "--simulate", "--embedded-redis", "--no-flower"]
    command += ["--models", str(models_file), "--model", model, "--data", str(folder / "data")]
    with (folder / "up.log").open("wb") as log:
        up = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)
    try:
        _wait_until_ready(f"http://127.0.0.1:{port}/readyz", up, folder / "up.log")
        yield f"http://127.0.0.1:{port}", environment, up.pid
    finally:
        up.terminate()
        try:
            up.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            up.kill()  # its parts die with it
            raise


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _wait_until_ready(url: str, up: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and up.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"`pointsman up` is not ready:\n{log.read_text(encoding='utf-8')[-2000:]}")


def _calls(log: Path) -> list[Call]:
    """Return the calls of one process; the last line may be cut off where the process was killed."""
    rows = (line.split(" ", 2) for line in log.read_text(encoding="utf-8").splitlines())
    return [Call(int(row[0]), row[1], row[2]) for row in rows if len(row) == 3]


def _scripts(checkout: Checkout, folder: Path) -> dict[str, list[str]]:
    """Return the Lua files that each script is put together from."""
    texts = {
        str(path.relative_to(checkout.root)): path.read_text(encoding="utf-8").strip()
        for package in PACKAGES
        for path in checkout.files(package, ".lua")
    }
    found = {}
    for script in folder.glob("*.script"):
        whole = script.read_text(encoding="utf-8")
        found[f"lua:{script.stem}"] = [file for file, text in texts.items() if text in whole]
    return found


def count(
    spans: Iterable[tuple[int, int]], processes: list[list[Call]], scripts: Mapping[str, list[str]]
) -> Crossed:
    """Return what the jobs that ran in these spans cross, from the calls of each process."""
    jobs, rounds, changes = [], [], []
    for began, ended in spans:
        during = [[call for call in calls if began <= call.at <= ended] for calls in processes]
        jobs.append({file for calls in during for file in _files(calls, scripts)})
        changes.append(sum(_changes(calls) for calls in during))
        of_round = defaultdict(list)
        for number, calls in enumerate(during):
            for call in calls:
                if call.round != "-":
                    of_round[number, call.round].append(call)
        if not of_round:
            raise RuntimeError("no function of the dispatcher with the word round in its name was called")
        rounds.append(max((_files(calls, scripts) for calls in of_round.values()), key=len))
    return Crossed(
        sorted(set.intersection(*jobs)), sorted(set.intersection(*rounds)), sorted(changes)[len(changes) // 2]
    )


def _files(calls: Iterable[Call], scripts: Mapping[str, list[str]]) -> set[str]:
    """Return the files of some calls; a script whose text was never seen counts as one."""
    return {file for call in calls for file in scripts.get(call.file, [call.file])}


def _changes(calls: list[Call]) -> int:
    files = [call.file for call in calls]
    return sum(1 for before, after in pairwise(files) if before != after)
