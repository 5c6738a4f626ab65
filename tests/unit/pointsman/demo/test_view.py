"""The live view."""

from __future__ import annotations

import io

from rich.console import Console

from pointsman.demo.scene import News, Scene
from pointsman.demo.view import picture
from tests.support.demo_records import attempt, record, view


def test_the_live_view_is_at_most_twenty_lines_of_eighty_columns() -> None:
    added: list[News] = []
    scene = Scene(40, ("gpt-4", "claude", "gemini"), added.append)
    scene.ids = [f"job{number:05}" for number in range(40)]
    for words in range(30):
        scene.add_news(f"{words} something with many words happened to jobs 1, 2, 3 and 4 of gemini " * 2)
    status = "breaker open: 4 of 7 calls failed, and many more words than a line of a terminal takes"
    records = [record(attempt("gpt-4", "worker_lost"), state="pending")] * 39 + [record(attempt("claude"))]
    scene.look(records, [view(name, "open", status) for name in scene.models])
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    console.print(picture(scene, "a title " * 20))
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined] # a StringIO
    assert len(lines) <= 20
    assert max(map(len, lines)) <= 80
    assert sum(line.count("↻") for line in lines if line.startswith("jobs")) == 39
    assert len(added) == len(scene.news)
