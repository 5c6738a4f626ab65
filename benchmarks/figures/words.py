"""Names that stand for many things, and how long and tangled functions are."""

from __future__ import annotations

import ast
import json
import re
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .checkout import PACKAGES, Checkout, Module

TALK = frozenset(
    [
        "told",
        "tell",
        "tells",
        "telling",
        "teller",
        "said",
        "say",
        "says",
        "saying",
        "heard",
        "hear",
        "hears",
        "hearing",
    ]
)
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
LUA_NAMES = (re.compile(r"\blocal\s+(?:function\s+)?([\w, ]+)"), re.compile(r"\bfunction\s*[\w.]*\(([\w, ]*)\)"))
FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef
LONGEST_FUNCTION = 40
LIMITS = ("lint.mccabe.max-complexity=8", "lint.pylint.max-args=6")


@dataclass(frozen=True)
class Functions:
    """How long functions are, in lines from the first statement or docstring to the last, and what is too much.

    `findings` are functions of over 40 lines with their head, of a complexity over 8 (ruff C901) or with over 6
    parameters (PLR0913), exempted ones too. `per_1000` is by lines that are not blank.
    """

    count: int
    median: float
    p90: int
    longest: int
    lines: int
    findings: int
    per_1000: float


def talking_names(checkout: Checkout, package: str) -> list[str]:
    """Return the names with a word like told, said or heard that Python or Lua defines, once for each file."""
    names = [name for module in checkout.of(package) for name in sorted(_defined(module))]
    for path in checkout.files(package, ".lua"):
        text = path.read_text(encoding="utf-8")
        lists = [found for pattern in LUA_NAMES for found in pattern.findall(text)]
        names += sorted({path.stem, *(name.strip() for one in lists for name in one.split(","))})
    return [name for name in names if TALK & {word.lower() for word in WORD.findall(name)}]


def _defined(module: Module) -> set[str]:
    """Return what a file defines: itself, functions, classes, parameters, variables and attributes."""
    names = {module.path.stem}
    for node in ast.walk(module.tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                names.add(name)
    return names


def gerund_files(checkout: Checkout, package: str) -> list[str]:
    """Return the files named *ing.py."""
    return [path.name for path in checkout.files(package, ".py") if path.stem.endswith("ing")]


def shared_class_names(checkout: Checkout, packages: Sequence[str] = PACKAGES) -> dict[str, int]:
    """Return the names that classes of several files have, with how many; classes inside others do not count."""
    files = [set(_classes(module)) for package in packages for module in checkout.of(package)]
    counts = Counter(name for names in files for name in names)
    return {name: count for name, count in sorted(counts.items()) if count > 1}


def _classes(module: Module) -> Iterator[str]:
    return (node.name for node in module.tree.body if isinstance(node, ast.ClassDef))


def functions(checkout: Checkout, *packages: str) -> Functions:
    """Measure the functions of some packages; none named: of all."""
    modules = [module for package in packages or PACKAGES for module in checkout.of(package)]
    nodes = [node for module in modules for node in ast.walk(module.tree) if isinstance(node, FUNCTION)]
    lengths = sorted(_last(node) - node.body[0].lineno + 1 for node in nodes)
    long = sum(1 for node in nodes if _last(node) - node.lineno >= LONGEST_FUNCTION)
    lines = sum(1 for module in modules for line in module.text.splitlines() if line.strip())
    findings = long + _ruff([module.path for module in modules])
    p90 = lengths[int(len(lengths) * 0.9)]
    return Functions(
        len(nodes), statistics.median(lengths), p90, lengths[-1], lines, findings, 1000 * findings / lines
    )


def _last(node: ast.stmt) -> int:
    return node.end_lineno or node.lineno


def _ruff(files: Sequence[Path]) -> int:
    """Return what ruff finds too complex, or with too many parameters."""
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--ignore-noqa", "--exit-zero"]
    command += ["--select", "C901,PLR0913", "--output-format", "json"]
    command += [part for limit in LIMITS for part in ("--config", limit)]
    done = subprocess.run([*command, *map(str, files)], check=True, capture_output=True, text=True)
    return len(json.loads(done.stdout))
