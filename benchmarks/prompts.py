"""Prompts of a set length for measuring memory: slices of real prompts, of our docs, or random letters.

Real prompts come from a file of JSON lines with a `prompt` in each, named by `--prompts` or BENCH_PROMPTS; without
one, our own docs stand in. Slices are numbered, so that no two are the same.
"""

from __future__ import annotations

import argparse
import json
import os
import string
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

ROOT = Path(__file__).parents[1]
FILE = "BENCH_PROMPTS"
CHARACTERS = 1000
STEP = 617  # a prime, so that the slices of a second pass start elsewhere


@dataclass(frozen=True)
class Prompts:
    """A text to cut prompts from, and where it is from."""

    source: str
    text: str

    def cut(self, count: int) -> Iterator[str]:
        """Yield prompts of 1 000 characters."""
        room = len(self.text) - CHARACTERS
        for number in range(count):
            start = number * STEP % room
            yield f"{number}: {self.text[start : start + CHARACTERS]}"[:CHARACTERS]


def add_option(parser: argparse.ArgumentParser) -> None:
    """Let the caller name a file of prompts."""
    named = os.environ.get(FILE)
    parser.add_argument(
        "--prompts", type=Path, default=Path(named) if named else None, help="JSON lines with `prompt`"
    )


def real_prompts(file: Path | None) -> Prompts:
    """Return the prompts of a file, or our docs where there is none."""
    if file is not None and file.exists():
        with file.open(encoding="utf-8") as lines:
            return Prompts("real prompts from a file", "\n".join(json.loads(line)["prompt"] for line in lines))
    pages = sorted((ROOT / "docs").rglob("*.md"))
    return Prompts("the project's docs", "\n".join(page.read_text(encoding="utf-8") for page in pages))


def random_prompts() -> Prompts:
    """Return words of random letters, which hardly deflate."""
    random = Random(1)
    words = ("".join(random.choices(string.ascii_lowercase, k=random.randint(2, 9))) for _ in range(200_000))
    return Prompts("words of random letters", " ".join(words))
