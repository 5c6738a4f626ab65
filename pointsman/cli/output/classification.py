"""Prints how prompts are classified: one prompt, or a report on a labelled file."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from rich.table import Table

from pointsman.router.routing.classifier.examples import read_rows
from pointsman.router.routing.classifier.report import ClassificationReport
from pointsman.router.routing.classify import Classified, Classifier
from pointsman.router.vocabulary.errors import ConfigError

from .tables import console_for_tables


def read_report(classifier: Classifier, file: Path) -> ClassificationReport:
    """Classify every prompt of a labelled file; raises ConfigError where a line is wrong or has no label."""
    try:
        rows = list(read_rows(file))
    except ValueError as error:
        raise ConfigError(str(error)) from None
    if not rows or any(label is None for _, label in rows):
        raise ConfigError('every line needs a "task_class", and there must be one at least', file=str(file))
    return ClassificationReport.of(
        (str(label), classifier.classify_text(prompt).task_class) for prompt, label in rows
    )


def print_classified(found: Classified, *, as_json: bool) -> None:
    """Print a prompt's class and how it was found."""
    sys.stdout.write(_as_json(found) if as_json else _as_lines(found))


def _as_json(found: Classified) -> str:
    rows = {"task_class": found.task_class, "step": found.step, "confidence": found.confidence}
    return json.dumps({**rows, "likeliest": found.likeliest, "runner_up": found.runner_up}) + "\n"


def _as_lines(found: Classified) -> str:
    lines = [f"class       {found.task_class}", f"step        {found.words}"]
    if found.confidence is not None:
        lines += [f"confidence  {found.confidence:.2f}", f"runner-up   {found.runner_up}"]
    return "\n".join(lines) + "\n"


def print_report(report: ClassificationReport, *, as_json: bool) -> None:
    """Print how well the classifier does, and what it takes for what."""
    if as_json:
        confusion: dict[str, dict[str, int]] = {}
        for (label, found), count in sorted(report.confusion.items()):
            confusion.setdefault(label, {})[found] = count
        figures = {"accuracy": report.accuracy, "macro_f1": report.macro_f1, "confusion": confusion}
        sys.stdout.write(json.dumps(figures) + "\n")
        return
    total = report.confusion.total()
    sys.stdout.write(f"prompts   {total}\naccuracy  {report.accuracy:.3f}\nmacro-F1  {report.macro_f1:.3f}\n")
    console_for_tables().print(_confusion_table(report))


def _confusion_table(report: ClassificationReport) -> Table:
    table = Table(title="Rows: the true class; columns: the class found", title_justify="left")
    table.add_column("class")
    for name in (*report.classes, "F1"):
        table.add_column(name, justify="right")
    for label in report.classes:
        counts = (str(report.confusion[label, found] or "") for found in report.classes)
        table.add_row(label, *counts, f"{report.f1(label):.2f}")
    return table
