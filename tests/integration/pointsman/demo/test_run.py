"""The demo and `up` as a user runs them: exit status, what they print, and that nothing is left behind."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pointsman.local.ports import free_port
from tests.support.checkout import ROOT

SECONDS_AT_MOST = 90


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
            "COLUMNS": "160",
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


def test_the_demo_carries_out_sixty_jobs_and_leaves_nothing_behind(tmp_path: Path, started: list[Command]) -> None:
    demo = Command(tmp_path, "demo")
    started.append(demo)
    assert demo.process.wait(SECONDS_AT_MOST) == 0, demo.text()
    text = demo.text()
    assert "60 of 60 jobs succeeded" in text
    assert "simulated: nothing was paid" in text
    assert text.count("[simulated]") == 60
    for word in ("technical_support", "creative_writing", "general_information", "least loaded", "Flower", "/docs"):
        assert word in text
    demo.assert_nothing_left()


@pytest.mark.parametrize("words", ["starting an embedded Redis", "waiting for the API", "submitted 60 jobs"])
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
    demo.until("submitted 60 jobs")
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


def test_a_worker_killed_during_the_demo_loses_nothing(tmp_path: Path, started: list[Command]) -> None:
    demo = Command(tmp_path, "demo")
    started.append(demo)
    demo.until("submitted 60 jobs")
    os.kill(demo.pid_of("work --model claude"), signal.SIGKILL)
    assert demo.process.wait(SECONDS_AT_MOST) == 0, demo.text()
    assert "60 of 60 jobs succeeded" in demo.text()
    demo.assert_nothing_left()


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
