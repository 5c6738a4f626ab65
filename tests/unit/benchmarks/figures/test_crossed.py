"""Which files a job and a round cross, from the calls that were written down."""

from __future__ import annotations

from benchmarks.figures.crossed import Call, count


def test_a_file_is_crossed_by_a_job_where_every_job_calls_it_and_by_the_round_that_binds() -> None:
    dispatcher = [
        Call(11, "1", "loop.py"), Call(12, "1", "lua:1"), Call(13, "2", "loop.py"), Call(14, "-", "upkeep.py"),
        Call(21, "3", "loop.py"), Call(22, "4", "loop.py"), Call(23, "4", "lua:1"), Call(24, "4", "new.py"),
    ]  # fmt: skip
    client = [Call(5, "-", "start.py"), Call(10, "-", "client.py"), Call(20, "-", "client.py")]
    found = count([(10, 19), (20, 29)], [dispatcher, client], {"lua:1": ["bind.lua", "lib.lua"]})
    assert found.job == ["bind.lua", "client.py", "lib.lua", "loop.py"]
    assert found.round == ["bind.lua", "lib.lua", "loop.py"]
    assert found.changes == 3
