"""What the demo says at its end: the burst, the summary, one decision, and what to do next."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from pointsman.router.vocabulary.job import Attempt, JobRecord

from ..local.up import Running
from .burst import Spell
from .news import last_failed

BAR_CHARACTERS = 26
INSTALLED = "pointsman"


def command() -> str:
    """Return what our command is called here: its path in a checkout, where make runs it, else its name."""
    called = Path(sys.argv[0])
    return str(called) if called.name == INSTALLED and not called.is_absolute() else INSTALLED


def burst_lines(count: int, late: Spell, at_submit: Spell) -> Iterator[str]:
    """Yield the burst as it was, and as it would have been had each job been bound when it was submitted."""
    longest = max(late.last_seconds, at_submit.last_seconds)
    yield f"the burst: {count} jobs at once, while gemini had turned slow"
    for name, spell in (("bound late, measured", late), ("bound at submit, computed", at_submit)):
        bar = "█" * max(1, round(BAR_CHARACTERS * spell.last_seconds / longest))
        yield f"  {name:<26}{bar:<{BAR_CHARACTERS}} {spell.last_seconds:4.1f} s, mean {spell.mean_seconds:.1f} s"
    yield "  computed: each job bound as it came, to the least loaded of its models; there"
    yield "  in turn on the model's slots, each call as long as its mean call in this burst"


def why_lines(records: Sequence[JobRecord], url: str) -> Iterator[str]:
    """Yield the decisions of one job, of one that moved where there is one, and the command that shows them."""
    tried = [record for record in records if record.history]
    if not tried:
        return
    record = max(tried, key=lambda one: (last_failed(one) is not None, one.model != one.history[0].model))
    yield f"Why did job {records.index(record) + 1} go where it went? While the demo is kept up, ask with"
    yield f"{command()} why {record.id} --url {url}"
    for attempt in record.history:
        yield f"  {attempt.number}. {attempt.model}: {_reason(attempt)} -> {attempt.kind or 'succeeded'}"


def _reason(attempt: Attempt) -> str:
    return str((attempt.decision or {}).get("reason", "-"))


def next_lines(found: Running, *, keep: bool) -> Iterator[str]:
    """Yield what to do next: with everything still up, or from here on."""
    yield ""
    if not keep:
        keep_up, local, own = ("make demo KEEP=1", "make demo LLM=local", "README.md")
        if command() == INSTALLED:
            keep_up, local, own = (f"{INSTALLED} {rest}" for rest in ("demo --keep", "demo --llm local", "init"))
        yield f"Next: {keep_up:<26} stays up, with Flower and the pages of the API"
        yield f"      {local:<26} the same on a real language model, here"
        yield f"      {own:<26} your own keys and models"
        return
    yield f"API      {found.api_url}/docs"
    yield f"Flower   {found.flower_url}"
    for name in found.catalog.models:
        yield f"worker   {name}, process {found.tree.pid(f'worker-{name}')}: kill -9 it, and its jobs come back"
    yield "submit   with this command, or see the models with `models` in its place:"
    yield f'{command()} submit "Why is the sky blue?" --wait --url {found.api_url}'
    yield "Everything stays up until Ctrl-C."
