"""Tables for people: the candidates of a decision, and the decisions of a job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from pointsman.router.vocabulary.job import JobRecord
from pointsman.router.vocabulary.views import Explanation

OUTCOMES = {"bind": "goes now to", "wait": "waits for", "fail": "fails"}


def explanation_words(found: Explanation) -> str:
    """Return the class, the choice and what it is expected to take."""
    goes_to = found.model or ("" if found.outcome == "fail" else "any candidate")
    lines = [
        f"class     {found.task_class or '-'} ({found.classified_by})",
        f"choice    {OUTCOMES[found.outcome]} {goes_to}",
        f"strategy  {found.strategy}",
        f"reason    {found.reason}",
        f"tokens    about {found.tokens}",
    ]
    if found.expected_wait_seconds is not None:
        lines.append(f"wait      about {found.expected_wait_seconds:.1f} s")
    if found.expected_cost_usd is not None:
        lines.append(f"cost      about ${found.expected_cost_usd:.6f}")
    return "\n".join(line.rstrip() for line in lines)


def candidates_table(found: Explanation) -> Table:
    """Return one row for each candidate: its score, or why it was ruled out."""
    table = Table()
    for name in ("model", "score", "depth", "wait", "cost"):
        table.add_column(name, justify="left" if name == "model" else "right", no_wrap=True)
    table.add_column("why not", overflow="fold")
    for one in found.candidates:
        mark = " *" if one.model == found.model else ""
        score = "-" if one.score is None else f"{one.score:.4g}"
        cost = "-" if one.expected_cost_usd is None else f"${one.expected_cost_usd:.6f}"
        load, wait = f"{one.depth}/{one.capacity}", f"{one.expected_wait_seconds:.1f} s"
        table.add_row(*map(Text, (one.model + mark, score, load, wait, cost, one.ruled_out or "")))
    return table


def decision_words(record: JobRecord) -> str:
    """Return what became of the job, and the class that it was found to have."""
    found = f" ({record.classified_by})" if record.classified_by else ""
    words = f"job       {record.id} {record.state}\nclass     {record.task_class or '-'}{found}"
    return words if record.error is None else f"{words}\nerror     {record.error.kind}: {record.error.message}"


def attempts_table(record: JobRecord) -> Table:
    """Return a row for each candidate of each attempt, and of the decision that stands where no attempt ended."""
    table = Table()
    for name in ("attempt", "model", "strategy", "score"):
        table.add_column(name, no_wrap=True)
    table.add_column("why, or why not", overflow="fold")
    table.add_column("ended", overflow="fold")
    rows = [(str(one.number), one.model, one.decision, str(one.kind or "succeeded")) for one in record.history]
    if not record.done or not rows:
        rows.append(("next", record.model or "-", record.decision, "-"))
    for number, model, decision, ended in rows:
        _add_decision(table, (number, model, ended), decision or {})
    return table


def _add_decision(table: Table, attempt: tuple[str, str, str], decision: Mapping[str, Any]) -> None:
    number, model, ended = attempt
    scores, ruled_out = decision.get("scores") or {}, decision.get("ruled_out") or {}
    strategy, reason = str(decision.get("strategy", "-")), str(decision.get("reason", "-"))
    table.add_row(*map(Text, (number, f"{model} *", strategy, _score(scores, model), reason, ended)))
    for other in dict.fromkeys([*scores, *ruled_out]):
        if other != model:
            table.add_row(*map(Text, ("", other, "", _score(scores, other), ruled_out.get(other, ""), "")))
    table.add_section()


def _score(scores: Mapping[str, Any], model: str) -> str:
    return f"{scores[model]:.4g}" if model in scores else "-"
