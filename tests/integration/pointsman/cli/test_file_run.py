"""`pointsman batch run` on real parts: to its end over Ctrl-C, kill -9 and a restart of the API, and paid once."""

from __future__ import annotations

import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from pointsman.local.ports import free_port
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from tests.support.file_run_command import MODEL, BatchRun, answer, ended, mixed_lines, read_lines, write_lines
from tests.support.live import Live, eventually, running_live
from tests.support.running_api import until_it_answers

COUNT = 160


@pytest.fixture
def catalog(catalog: Catalog) -> Catalog:
    """The shared catalog with a price, so that runs cost something."""
    data = catalog.model_dump(mode="json")
    data["models"][MODEL]["price"] = {"input_usd_per_mtok": 1000, "output_usd_per_mtok": 1000}
    return Catalog.model_validate(data)


@pytest_asyncio.fixture
async def live(settings: Settings, catalog: Catalog, tmp_path: Path) -> AsyncIterator[Live]:
    ours = settings.model_copy(update={"api_port": free_port()})
    async with running_live(ours, catalog, tmp_path) as found:
        await start_api(found)
        found.dispatcher()
        found.worker(MODEL, "-c", "8")
        await found.until_capacity(gpt_4=8)
        yield found


async def start_api(live: Live) -> None:
    live.api()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{live.settings.api_port}") as http:
        await until_it_answers(http)


def of_lines(live: Live, tmp_path: Path, transport: str = "http", count: int = COUNT) -> BatchRun:
    source = write_lines(tmp_path / "prompts.jsonl", mixed_lines(count))
    return BatchRun(live, source, tmp_path / "results.jsonl", transport)


def check_whole(run: BatchRun, live: Live) -> None:
    """Every line is there once, in order, and was paid once."""
    found = read_lines(run.output)
    names = [at + 1 if at % 4 in (1, 3) else f"c{at}" for at in range(COUNT)]
    assert [answer(line)[0] for line in found] == names
    assert [live.paid(f"Line {at}") for at in range(COUNT)] == [1] * COUNT
    assert not run.errors.exists()
    assert not run.part.exists()


async def check_like_undisturbed(run: BatchRun, live: Live, tmp_path: Path) -> None:
    other = BatchRun(live, run.source, tmp_path / "undisturbed.jsonl")
    assert await other.run("--restart") == 0
    assert [answer(line) for line in read_lines(run.output)] == [answer(line) for line in read_lines(other.output)]
    assert {live.paid(f"Line {at}") for at in range(COUNT)} == {2}


@pytest.mark.parametrize("transport", ["http", "redis"])
async def test_a_file_is_run_to_its_end(live: Live, tmp_path: Path, transport: str) -> None:
    run = of_lines(live, tmp_path, transport)
    assert await run.run() == 0, run.printed_text()
    check_whole(run, live)
    assert f"{COUNT} of {COUNT} lines succeeded" in run.printed_text()
    first, second = read_lines(run.output)[:2]
    assert first["response"]["body"]["pointsman"]["cost_usd"] > 0
    assert second["result"]["model"] == MODEL
    assert "history" not in second
    assert await run.run() == 2
    assert "--restart begins anew" in run.printed_text()


@pytest.mark.parametrize("transport", ["http", "redis"])
@pytest.mark.parametrize("at", [0, 40, 130])
async def test_a_killed_run_is_gone_on_with_and_nothing_is_paid_twice(
    live: Live, tmp_path: Path, at: int, transport: str
) -> None:
    run = of_lines(live, tmp_path, transport)
    process = run.start("--window", "50")
    await run.until_ended(at)
    process.send_signal(signal.SIGKILL)
    await ended(process)
    with run.part.open("ab") as part:
        part.write(b'77\tok\tgpt-4\t0.1\t{"torn')
    assert await run.run() == 0, run.printed_text()
    check_whole(run, live)
    if at == 40:
        await check_like_undisturbed(run, live, tmp_path)


async def test_ctrl_c_says_what_goes_on_and_how_to_go_on(live: Live, tmp_path: Path) -> None:
    run = of_lines(live, tmp_path)
    process = run.start()
    await run.until_ended(20)
    process.send_signal(signal.SIGINT)
    assert await ended(process) == 130
    assert f"of {COUNT} lines have ended and are kept" in run.printed_text()
    assert "jobs are submitted and go on" in run.printed_text()
    assert "--cancel" in run.printed_text()
    assert "Traceback" not in run.printed_text()
    assert not run.output.exists()
    assert await run.run() == 0
    assert "of them had ended before" in run.printed_text()
    check_whole(run, live)


async def test_a_run_without_its_part_file_joins_its_jobs_again(live: Live, tmp_path: Path) -> None:
    run = of_lines(live, tmp_path)
    process = run.start()
    await run.until_ended(20)
    process.send_signal(signal.SIGKILL)
    await ended(process)
    run.part.unlink()
    assert await run.run() == 0
    check_whole(run, live)


async def test_a_run_outlives_a_restart_of_the_api(live: Live, tmp_path: Path) -> None:
    run = of_lines(live, tmp_path)
    api = live.processes[0]
    process = run.start("--window", "50")
    await run.until_ended(20)
    api.kill()
    await ended(api)
    await start_api(live)
    assert await ended(process) == 0, run.printed_text()
    check_whole(run, live)


async def test_jobs_in_flight_are_cancelled_when_asked(live: Live, tmp_path: Path) -> None:
    live.change(base_seconds=600.0)
    run = of_lines(live, tmp_path, count=30)
    process = run.start()
    await live.until_calling(8)
    process.send_signal(signal.SIGINT)
    assert await ended(process) == 130
    assert await run.run("--cancel") == 0
    assert "30 jobs are cancelled" in run.printed_text()

    async def none_in_flight() -> bool:
        return live.in_flight() == 0

    await eventually(none_in_flight, what="all calls stopped")
    assert await run.run() == 1
    assert {line["error"]["kind"] for line in read_lines(run.errors)} == {"cancelled"}


async def test_two_runs_cannot_write_to_one_output(live: Live, tmp_path: Path) -> None:
    live.change(base_seconds=600.0)
    run = of_lines(live, tmp_path)
    run.start()
    await live.until_calling(8)
    assert await run.run() == 2
    assert "another run writes to it now" in run.printed_text()


async def test_a_file_that_has_changed_is_not_gone_on_with(live: Live, tmp_path: Path) -> None:
    run = of_lines(live, tmp_path)
    process = run.start()
    await run.until_ended(1)
    process.send_signal(signal.SIGINT)
    await ended(process)
    assert await run.run("--priority", "7") == 2
    assert "other options: priority 3" in run.printed_text()
    write_lines(run.source, mixed_lines(3))
    assert await run.run() == 2
    assert "has changed since" in run.printed_text()
    assert await run.run("--restart") == 0
    assert len(read_lines(run.output)) == 3


async def test_lines_without_an_answer_have_a_file_of_their_own_that_can_be_run_again(
    live: Live, tmp_path: Path
) -> None:
    run = of_lines(live, tmp_path, count=8)
    bad = [b'{"prompt": "half', b'\xff"prompt"', b'{"prompt": "again", "custom_id": "c0"}', b'{"prompt": 5}']
    with run.source.open("ab") as file:
        file.write(b"\n".join(bad) + b"\n\n")
    assert await run.run("--strict") == 2
    assert "line 9" in run.printed_text()
    assert not run.part.exists()
    live.change(base_seconds=600.0)
    assert await run.run("--expires-in", "1") == 1
    failures = read_lines(run.errors)
    kinds = ["expired"] * 8 + ["invalid_json_line", "invalid_json_line", "duplicate_custom_id", "invalid_job"]
    assert [(line["error"]["line"], line["error"]["kind"]) for line in failures] == list(enumerate(kinds, 1))
    assert read_lines(run.output) == []
    live.change(base_seconds=0.1)
    again = BatchRun(live, run.errors, tmp_path / "again.jsonl")
    assert await again.run() == 1
    assert [answer(line)[0] for line in read_lines(again.output)] == ["c0", 2, "c2", 4, "c4", 6, "c6", 8]
    assert [line["error"]["line"] for line in read_lines(again.errors)] == [9, 10, 11, 12]


async def test_standard_input_and_json_for_programs(live: Live, tmp_path: Path) -> None:
    run = BatchRun(live, Path("-"), tmp_path / "results.jsonl")
    assert await run.run() == 2
    assert "no lines" in run.printed_text()
    source = write_lines(tmp_path / "in.jsonl", mixed_lines(4))
    command = f"{' '.join(run.command())} --json < {source}"
    assert await ended(live.start("sh", "-c", command, name="batch")) == 0
    printed = json.loads(run.printed_text())
    assert (printed["total"], printed["succeeded"], printed["errors"]) == (4, 4, None)
    assert printed["models"][MODEL]["jobs"] == 4


@pytest.mark.parametrize("transport", ["http", "redis"])
async def test_a_dry_run_sends_nothing_and_says_what_to_expect(live: Live, tmp_path: Path, transport: str) -> None:
    run = of_lines(live, tmp_path, transport, count=12)
    with run.source.open("a") as file:
        file.write('{"prompt": "Why does it crash?"}\n{"prompt": "half\n')
    assert await run.run("--dry-run", "--json") == 0
    printed = json.loads(run.printed_text())
    assert (printed["totals"]["jobs"], printed["totals"]["bad"], printed["looked_at"]) == (13, 1, 13)
    assert printed["totals"]["output_tokens"] == 13 * 512
    assert printed["task_classes"] == {"pinned": 12, "technical_support": 1}
    assert printed["models"][MODEL]["jobs"] == 13
    assert (printed["seconds"], "has ended yet" in printed["why_unknown"]) == (None, True)
    assert printed["cost_usd"] == pytest.approx((printed["totals"]["input_tokens"] + 13 * 512) / 1000, rel=0.01)
    assert live.server.ledger.report()["requests"] == 0
    assert await live.redis.exists(live.jobs.keys.key("sequence")) == 0
    assert not run.part.exists()

    assert await run.run() == 1
    assert await run.run("--dry-run") == 0
    assert "line 14: the line is not valid JSON" in run.printed_text()
    assert "time    about" in run.printed_text()
