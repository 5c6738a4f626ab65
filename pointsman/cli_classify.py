"""The command that shows how prompts are classified: one prompt, or a labelled file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from router.catalog import load_catalog
from router.classifier.examples import read_rows
from router.classifier.report import Report
from router.classify import Classified, Classifier
from router.errors import ConfigError
from router.settings import load_settings

from .tables import console_for_tables


def classify(
    text: Annotated[str | None, typer.Argument(help="The prompt; '-' reads it from standard input.")] = None,
    labelled: Annotated[
        Path | None,
        typer.Option("--eval", help='JSON Lines of {"prompt": ..., "task_class": ...}: how well it does.'),
    ] = None,
    models: Annotated[
        Path | None, typer.Option("--models", help="models.yaml [env: POINTSMAN_MODELS_FILE]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Show a prompt's task class and how it was found, or check the classes on a labelled file. Needs no Redis."""
    if (text is None) == (labelled is None):
        raise ConfigError("give either a prompt or --eval with a labelled file")
    classifier = Classifier(load_catalog(load_settings(models_file=models).models_file))
    if labelled is not None:
        _print_report(_report(classifier, labelled), as_json=as_json)
        return
    found = classifier.classify_text(sys.stdin.read() if text == "-" else text or "")
    sys.stdout.write(_as_json(found) if as_json else _as_lines(found))


def _report(classifier: Classifier, file: Path) -> Report:
    try:
        rows = list(read_rows(file))
    except ValueError as error:
        raise ConfigError(str(error)) from None
    if not rows or any(label is None for _, label in rows):
        raise ConfigError('every line needs a "task_class", and there must be one at least', file=str(file))
    return Report.of((str(label), classifier.classify_text(prompt).task_class) for prompt, label in rows)


def _as_json(found: Classified) -> str:
    rows = {"task_class": found.task_class, "step": found.step, "confidence": found.confidence}
    return json.dumps({**rows, "likeliest": found.likeliest, "runner_up": found.runner_up}) + "\n"


def _as_lines(found: Classified) -> str:
    lines = [f"class       {found.task_class}", f"step        {found.words}"]
    if found.confidence is not None:
        lines += [f"confidence  {found.confidence:.2f}", f"runner-up   {found.runner_up}"]
    return "\n".join(lines) + "\n"


def _print_report(report: Report, *, as_json: bool) -> None:
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


def _confusion_table(report: Report) -> Table:
    table = Table(title="Rows: the true class; columns: the class found", title_justify="left")
    table.add_column("class")
    for name in (*report.classes, "F1"):
        table.add_column(name, justify="right")
    for label in report.classes:
        counts = (str(report.confusion[label, found] or "") for found in report.classes)
        table.add_row(label, *counts, f"{report.f1(label):.2f}")
    return table
