"""Python imports this when it starts: with FIGURES_FOLDER set, each call of a project function is written there.

A line is: time in ns, number of the dispatcher's round or -, file. A Lua script is `lua:` and its SHA-1; its text
goes to a file of that name when it is sent whole. What runs while a module is imported is left out.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import threading
import time
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

PACKAGES = ("router", "workers", "producer", "pointsman")
ROUND = re.compile(r"(?<![a-z])rounds?(?![a-z])")


class Recorder:
    """Writes down calls, as a profile function does."""

    def __init__(self, folder: Path, root: Path) -> None:
        self._folder, self._root = folder, root
        self._log = (folder / f"{os.getpid()}.calls").open("w", encoding="utf-8", buffering=1)
        self._files: dict[CodeType, str] = {}
        self._rounds: list[FrameType] = []  # kept, so that no later round can be taken for an earlier one

    def __call__(self, frame: FrameType, event: str, _argument: Any) -> None:
        """Write down one call."""
        if event != "call":
            return
        code = frame.f_code
        file = self._files.get(code)
        if file is None:
            file = self._files[code] = self._file(code)
        if file == "redis":
            file = self._script(frame)
        if file and not _importing(frame):
            self._log.write(f"{time.monotonic_ns()} {self._round(frame)} {file}\n")

    def _file(self, code: CodeType) -> str:
        """Return the project's file that some code stands in; `redis` where redis-py takes a command, else ''."""
        if code.co_name == "execute_command" and "/redis/" in code.co_filename:
            return "redis"
        path = Path(code.co_filename).resolve()
        if not path.is_relative_to(self._root):
            return ""
        file = path.relative_to(self._root)
        return str(file) if file.parts[0] in PACKAGES else ""

    def _script(self, frame: FrameType) -> str:
        command, *arguments = frame.f_locals.get("args") or ("",)
        if command == "EVAL":
            sha = hashlib.sha1(arguments[0].encode(), usedforsecurity=False).hexdigest()
            (self._folder / f"{sha}.script").write_text(arguments[0], encoding="utf-8")
            return f"lua:{sha}"
        return f"lua:{arguments[0]}" if command == "EVALSHA" else ""

    def _round(self, frame: FrameType) -> str:
        """Return the number of the outermost function of the dispatcher that is called a round, `-` outside."""
        outermost, at = None, frame
        while at is not None:
            if ROUND.search(at.f_code.co_qualname.lower()) and "dispatcher" in self._files.get(at.f_code, ""):
                outermost = at
            at = at.f_back
        if outermost is None:
            return "-"
        if outermost not in self._rounds:
            self._rounds.append(outermost)
        return str(self._rounds.index(outermost))


def _importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


if "FIGURES_FOLDER" in os.environ and not any("simulated" in word for word in sys.orig_argv):
    record = Recorder(Path(os.environ["FIGURES_FOLDER"]), Path(os.environ["FIGURES_ROOT"]))
    threading.setprofile(record)
    sys.setprofile(record)
