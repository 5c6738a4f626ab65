"""The fleets that faults share, and the table of what each fault cost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chaos.fleet.fleets import Fleets
from tests.chaos.report import VERDICTS, table


@pytest.fixture(scope="session")
def fleets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleets]:
    """The fleets of this test process."""
    found = Fleets(tmp_path_factory.mktemp("chaos"))
    yield found
    found.stop()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what each fault cost."""
    if VERDICTS:
        terminalreporter.section("what each fault cost")
        for line in table():
            terminalreporter.line(line)
