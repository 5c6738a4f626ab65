"""Reads the lines of a run as jobs to be submitted; what cannot be one has failed by that. All of it blocks."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field
from pathlib import Path

from ..client.specs import BYTES
from ..client.window import Item
from ..files.lines import Line
from ..vendor_apis.openai.batch_line import BadLine, object_of
from .disk_tables import CustomIdTable
from .input_file import LinePosition, Source, SourceFile
from .journal_format import Ended
from .line_job import LineParser
from .line_result import failed

LINES_AT_ONCE = 2000
"""Lines that are looked at in one go, so that a run can be stopped also while it passes over what has ended."""


@dataclass
class LinesRead:
    """What a look at some lines found: jobs, lines that can be none, and the last line looked at."""

    items: list[Item[LinePosition]] = field(default_factory=list)
    bad: list[Ended] = field(default_factory=list)
    last: int = 0


class LineReader:
    """The lines of a source in order, those left out that have ended."""

    def __init__(self, source: Source, line_parser: LineParser, ended: Container[int], folder: Path) -> None:
        self._file, self._line_parser, self._ended = SourceFile(source), line_parser, ended
        self._lines = self._file.lines()
        self._custom_ids = CustomIdTable(source.jobs, folder, self._custom_id_at)

    def read_lines(self, most: int) -> LinesRead | None:
        """Return what the next lines are, with `most` jobs at most; None after the last line."""
        found, size = LinesRead(), 0
        for looked_at, line in enumerate(self._lines, 1):
            found.last = line.number
            item = self._item(line)
            if isinstance(item, Ended):
                found.bad.append(item)
            elif item is not None:
                found.items.append(item)
                size += len(line.text or b"")
            if len(found.items) >= most or size >= BYTES or looked_at >= LINES_AT_ONCE:
                break
        return found if found.last else None

    def _item(self, line: Line) -> Item[LinePosition] | Ended | None:
        ended = line.number in self._ended
        try:
            data = object_of(line)
            self._check_custom_id(data.get("custom_id"), line)
            return (
                None
                if ended
                else Item(LinePosition(line.number, line.offset), self._line_parser.job(data, line.number).spec)
            )
        except BadLine as error:
            return None if ended else failed(line, None, error)

    def _check_custom_id(self, custom_id: object, line: Line) -> None:
        """Lines that have ended count too, so that a run finds the same whether it was interrupted or not."""
        if isinstance(custom_id, str) and not self._custom_ids.add(custom_id, line.offset):
            raise BadLine("duplicate_custom_id", "another line has this custom_id", "custom_id")

    def _custom_id_at(self, offset: int) -> object:
        return object_of(self._file.line(LinePosition(0, offset))).get("custom_id")

    def close(self) -> None:
        """Close what is open."""
        self._file.close()
        self._custom_ids.close()
