"""Samples the Python stacks of a process from outside with py-spy, and says which part of the code was at work."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

PY_SPY = Path(sys.executable).with_name("py-spy")
MAY_NOT_LOOK = "py-spy saw nothing; on Linux it needs root, or kernel.yama.ptrace_scope=0"
RATE = 250
"""Samples a second; only threads that use the processor are counted."""

OWNERS = (
    ("Celery's events", re.compile(r"celery/events/")),
    ("Celery's tracer", re.compile(r"celery/app/trace\.py")),
)
"""Who owns all that is done below it, its JSON and its Redis client too."""

POLLING = ("selectors.py", "kombu/utils/eventio.py")
"""Where an event loop asks the system what has happened; also where a process waits for its turn to run."""

PARTS = (
    ("httpx and aiohttp", re.compile(r"^(httpx|httpx_aiohttp|aiohttp|yarl|multidict|anyio)/")),
    ("JSON and pydantic", re.compile(r"^(pydantic|pydantic_core|json|msgpack)/")),
    ("Redis client", re.compile(r"^(redis|hiredis)/")),
    ("our store", re.compile(r"^router/store/")),
    ("Celery's hub and consumer", re.compile(r"^(celery|kombu|vine|amqp|billiard)/")),
    (
        "deciding",
        re.compile(
            r"^router/(plan|decide|strategies|round|placement|filters|lanes|model_state|facts|chains|classif)"
        ),
    ),
    ("logging", re.compile(r"^logging/")),
    ("the rest of ours", re.compile(r"^(router|workers|producer|benchmarks)/")),
    ("asyncio", re.compile(r"^(asyncio/|threading\.py|concurrent/)")),
)
"""Looked for from the innermost frame outwards; asyncio, the last, has what no other called."""
REST = "other"

FRAME = re.compile(r"^(?P<name>.*) \((?P<path>[^()]*?)(?::\d+)?\)$")
PATH_PREFIX = re.compile(r"^.*/(?:site-packages|python3\.\d+)/")


class Frame(NamedTuple):
    """One function in a stack, and its file below the folder that it is imported from."""

    name: str
    path: str


class Sampling:
    """Samples one process until it is told to stop."""

    def __init__(self, pid: int, output: Path) -> None:
        self._output = output
        command = [str(PY_SPY), "record", "-p", str(pid), "-r", str(RATE), "-f", "raw", "-o", str(output)]
        self._process = subprocess.Popen(
            [*command, "--full-filenames"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )

    def stop(self) -> Counter[tuple[Frame, ...]]:
        """Return how often each stack was seen; raises RuntimeError where py-spy could not look."""
        self._process.send_signal(signal.SIGINT)
        _, output = self._process.communicate()
        if not self._output.exists():
            raise RuntimeError(f"{MAY_NOT_LOOK}: {output.decode(errors='replace')}")
        seen: Counter[tuple[Frame, ...]] = Counter()
        for line in self._output.read_text(encoding="utf-8").splitlines():
            stack, _, times = line.rpartition(" ")
            seen[tuple(map(_frame, stack.split(";")))] += int(times)
        return seen


def _frame(text: str) -> Frame:
    found = FRAME.match(text)
    if found is None:
        return Frame(text, "")
    root = f"{Path(__file__).parents[1]}/"
    return Frame(found["name"], PATH_PREFIX.sub("", found["path"].removeprefix(root)))


def part_of(stack: tuple[Frame, ...]) -> str:
    """Return the part of the code that a sample belongs to."""
    if stack[-1].path in POLLING:
        return "polling"
    for part, pattern in OWNERS:
        if any(pattern.match(frame.path) for frame in stack):
            return part
    for frame in reversed(stack):
        for part, pattern in PARTS[:-1]:
            if pattern.match(frame.path):
                return part
    asyncio, pattern = PARTS[-1]
    return asyncio if any(pattern.match(frame.path) for frame in stack) else REST


def by_part(seen: Counter[tuple[Frame, ...]]) -> dict[str, float]:
    """Return each part's share of the samples, the largest first."""
    parts: Counter[str] = Counter()
    for stack, times in seen.items():
        parts[part_of(stack)] += times
    return {part: times / parts.total() for part, times in parts.most_common()}


def by_function(seen: Counter[tuple[Frame, ...]], *, inclusive: bool) -> dict[str, float]:
    """Return each function's share of the samples, the largest first; `inclusive`: with all that it called."""
    functions: Counter[str] = Counter()
    for stack, times in seen.items():
        for frame in set(stack) if inclusive else {stack[-1]}:
            functions[f"{frame.path}: {frame.name}"] += times
    return {function: times / seen.total() for function, times in functions.most_common()}
