"""What a process tree passes on to its parts."""

from __future__ import annotations

import sys
from pathlib import Path

from pointsman.local.process_tree import ProcessSpec, ProcessTree
from tests.support.live import eventually

WAITS = """
import signal, sys
from pathlib import Path
note = Path(sys.argv[1])
if len(sys.argv) > 2:
    signal.signal(signal.SIGHUP, lambda *_: note.write_text("again"))
note.write_text("ready")
while True:
    signal.pause()
"""


async def test_a_hang_up_reaches_the_parts_that_reload_and_no_other(tmp_path: Path) -> None:
    notes = {name: tmp_path / name for name in ("reloads", "ends")}
    tree = ProcessTree(tmp_path)

    async def written(text: str, *names: str) -> bool:
        return all(notes[name].exists() and notes[name].read_text() == text for name in names)

    try:
        for name, note in notes.items():
            more = ["reload"] if name == "reloads" else []
            command = [sys.executable, "-c", WAITS, str(note), *more]
            await tree.start(ProcessSpec(name, command, restart=False, reloads=bool(more)))
        await eventually(lambda: written("ready", *notes), what="both run")
        tree.hang_up()
        await eventually(lambda: written("again", "reloads"), what="one has the signal")
        assert tree.alive("reloads")
        assert tree.alive("ends")
    finally:
        await tree.stop()
