"""`pointsman batch run` between two pipes."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from pointsman.cli import file_run
from pointsman.cli.app import app
from pointsman.cli.file_run import BatchCommand, Show, run_batch
from pointsman.producer.client import asyncio as asyncio_client
from pointsman.router.vocabulary.chat import Answer
from pointsman.router.vocabulary.errors import ConfigError, ErrorKind
from pointsman.router.vocabulary.job import JobError, JobRecord, JobResult, JobSpec, JobState
from pointsman.router.vocabulary.views import KnownNames

LINES = '{"prompt": "good 1"}\n{"prompt": "bad"}\n{"prompt": "good 2", "temperature": 0}\n'


class Answers:
    """A transport whose jobs are answered at once with their prompt, but for those that are bad."""

    def __init__(self) -> None:
        self.specs: dict[str, JobSpec] = {}

    async def names(self) -> KnownNames:
        return KnownNames(models=(), aliases=(), task_classes=())

    async def models(self) -> list[Any]:
        return []

    async def warnings(self) -> list[str]:
        return []

    async def submit_many(self, specs: Sequence[JobSpec]) -> list[str]:
        self.specs |= {str(spec.id): spec for spec in specs}
        return [str(spec.id) for spec in specs]

    async def finished(self, job_ids: Sequence[str]) -> AsyncGenerator[JobRecord, None]:
        for job_id in job_ids:
            yield _ended(job_id, str(self.specs[job_id].chat().messages[0].content))

    async def close(self) -> None: ...


def _ended(job_id: str, prompt: str) -> JobRecord:
    good = prompt.startswith("good")
    result = JobResult(answer=Answer(text=prompt, finish_reason="stop"), model="m", seconds=1) if good else None
    error = None if good else JobError(kind=ErrorKind.INVALID_REQUEST, message="bad")
    state = JobState.SUCCEEDED if good else JobState.FAILED
    return JobRecord(
        id=job_id, state=state, tenant="default", priority=5, submitted=0, expires=1, finished=1, max_attempts=1,
        result=result, error=error,
    )  # fmt: skip


@pytest.fixture
def transport(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Answers:
    transport = Answers()
    monkeypatch.setattr(asyncio_client, "open_transport", lambda *_, **__: transport)
    monkeypatch.chdir(tmp_path)
    return transport


def batch_run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["batch", "run", *arguments], input=LINES)


def texts(lines: str) -> list[str]:
    return [json.loads(line)["result"]["answer"]["text"] for line in lines.splitlines()]


@pytest.mark.usefixtures("transport")
def test_a_run_between_two_pipes_writes_results_alone_to_standard_output() -> None:
    run = batch_run("-", "-o", "-")
    assert run.exit_code == 1
    assert texts(run.stdout) == ["good 1", "good 2"]
    failed = [json.loads(line) for line in run.stderr.splitlines() if line.startswith("{")]
    assert [line["prompt"] for line in failed] == ["bad"]
    assert "2 of 3 lines succeeded" in run.stderr
    assert list(Path().iterdir()) == []


@pytest.mark.usefixtures("transport")
def test_a_file_may_go_to_standard_output_and_its_failures_to_a_file() -> None:
    Path("in.jsonl").write_text(LINES)
    run = batch_run("in.jsonl", "--output", "-", "--errors", "bad.jsonl", "-q")
    assert texts(run.stdout) == ["good 1", "good 2"]
    assert "they can be run again from bad.jsonl" in run.stderr
    assert [json.loads(line)["prompt"] for line in Path("bad.jsonl").read_text().splitlines()] == ["bad"]
    assert sorted(path.name for path in Path().iterdir()) == ["bad.jsonl", "in.jsonl"]


@pytest.mark.usefixtures("transport")
@pytest.mark.parametrize("option", ["--json", "--cancel"])
def test_what_cannot_go_with_standard_output_is_refused(option: str) -> None:
    assert isinstance(batch_run("-", "-o", "-", option).exception, ConfigError)


@pytest.mark.usefixtures("transport")
def test_an_empty_standard_input_is_called_by_its_name() -> None:
    found = CliRunner().invoke(app, ["batch", "run", "-", "-o", "-"], input="\n")
    assert str(found.exception) == "standard input: there are no lines in it"


@pytest.mark.usefixtures("transport")
def test_lines_may_begin_with_a_byte_order_mark() -> None:
    Path("in.jsonl").write_text(LINES, encoding="utf-8-sig")
    assert texts(batch_run("in.jsonl", "-o", "-", "-q").stdout) == ["good 1", "good 2"]


@pytest.mark.usefixtures("transport")
def test_a_standard_output_that_takes_nothing_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    command = BatchCommand("", None, "in.jsonl", Path("-"), {"errors": None}, Show(quiet=True, as_json=False))
    with Path("/dev/full").open("w") as full:
        for stream, words in ((full, "No space left on device"), (None, "it is closed")):
            monkeypatch.setattr(file_run, "sys", SimpleNamespace(stdout=stream, stdin=sys.stdin, stderr=sys.stderr))
            Path("in.jsonl").write_text(LINES)
            with pytest.raises(ConfigError, match=f"^standard output: .*{words}; the same command finds"):
                run_batch(command, window=9, strict=False, restart=False)


@pytest.mark.parametrize(
    ("given", "seconds"), [("90", 90), ("0.5", 0.5), ("90s", 90), ("30m", 1800), ("1h30m", 5400), ("7d", 604_800)]
)
def test_a_duration_is_given_in_units_or_in_seconds(transport: Answers, given: str, seconds: float) -> None:
    batch_run("-", "-o", "-", "--expires-in", given)
    assert {spec.expires_in for spec in transport.specs.values()} == {seconds}


DURATIONS = [
    ("batch", "run", "-", "--expires-in"),
    ("submit", "x", "--expires-in"),
    ("wait", "a-job-id", "--timeout"),
    ("dead", "--since"),
    ("retry", "--since"),
]


@pytest.mark.parametrize("command", DURATIONS, ids=" ".join)
@pytest.mark.parametrize("given", ["soon", "1x", "-5", "nan", ""])
def test_every_duration_that_is_none_is_refused_with_an_example(command: Sequence[str], given: str) -> None:
    run = CliRunner().invoke(app, [*command[:-1], f"{command[-1]}={given}"])
    assert run.exit_code == 2
    assert "90s" in run.stderr
