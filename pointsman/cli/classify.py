"""The command that shows how prompts are classified: one prompt, or a labelled file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from pointsman.router.vocabulary.errors import ConfigError


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
    from pointsman.router.config.settings import load_settings
    from pointsman.router.routing.catalog import load_catalog
    from pointsman.router.routing.classify import Classifier

    from .output.classification import print_classified, print_report, read_report

    if (text is None) == (labelled is None):
        raise ConfigError("give either a prompt or --eval with a labelled file")
    classifier = Classifier(load_catalog(load_settings(models_file=models).models_file))
    if labelled is not None:
        print_report(read_report(classifier, labelled), as_json=as_json)
    else:
        prompt = sys.stdin.read() if text == "-" else text or ""
        print_classified(classifier.classify_text(prompt), as_json=as_json)
