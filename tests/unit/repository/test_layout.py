"""The rules of the code base that no linter knows: sizes, names, docstrings, headers, and who reads what."""

from __future__ import annotations

import ast
import importlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from pointsman.router.store.calls import CALLS
from pointsman.router.store.calls.contract import without_none
from pointsman.router.store.keys import PATTERNS
from pointsman.router.store.scripts import FOLDER
from tests.support.checkout import ROOT

PACKAGES = ("router", "workers", "producer", "pointsman")
LINES_AT_MOST = 300
FUNCTION_LINES_AT_MOST = 40
FORBIDDEN_NAMES = re.compile(r"^(utils?|helpers?|commons?|managers?|misc|base_.*)$")
READ_THE_ENVIRONMENT = ("workers/api_keys.py", "pointsman/")

SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
SCRIPTS = sorted(FOLDER.glob("*.lua"))
LIBRARIES = sorted(FOLDER.glob("lib/*.lua"))


def name_of(path: Path) -> str:
    """Return the path below the root, as the parameter of a test shows it."""
    return path.relative_to(ROOT).as_posix()


def module_of(path: Path) -> str:
    """Return the name under which everybody imports a folder or file of ours."""
    name = name_of(path).replace("/", ".")
    return name if name.startswith("pointsman") else f"pointsman.{name}"


each_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function of a file, methods and inner ones too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def header(script: Path) -> str:
    """Return the comment that a script opens with."""
    lines = script.read_text(encoding="utf-8").splitlines()
    first_code = next(at for at, line in enumerate(lines) if not line.startswith("--"))
    return "\n".join(lines[:first_code])


def body(script: Path) -> str:
    """Return a script without its comments."""
    text = script.read_text(encoding="utf-8")
    return re.sub(r"--.*", "", text)


def test_no_file_is_longer_than_three_screenfuls() -> None:
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in all_files()}
    assert {name: length for name, length in lengths.items() if length > LINES_AT_MOST} == {}


def all_files() -> list[Path]:
    return [*SOURCES, *TESTS, *SCRIPTS, *LIBRARIES]


def test_no_function_is_longer_than_a_screenful() -> None:
    lengths = {
        f"{name_of(path)}: {function.name}": (function.end_lineno or 0) - function.lineno + 1
        for path in SOURCES
        for function in functions(path)
    }
    assert {name: length for name, length in lengths.items() if length > FUNCTION_LINES_AT_MOST} == {}


def test_every_module_says_what_it_is() -> None:
    silent = [
        name_of(path)
        for path in [*SOURCES, *TESTS]
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert silent == []


def test_every_public_function_and_class_says_what_it_does() -> None:
    silent = []
    for path in SOURCES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            if named and not node.name.startswith("_") and not ast.get_docstring(node):
                silent.append(f"{name_of(path)}: {node.name}")
    assert silent == []


def test_files_are_named_after_what_they_do() -> None:
    assert [name_of(path) for path in all_files() if FORBIDDEN_NAMES.match(path.stem)] == []


@each_script
def test_a_script_opens_with_its_purpose_keys_arguments_and_answer(script: Path) -> None:
    first, *rest = header(script).splitlines()
    assert re.fullmatch(r"-- [A-Z].*[.;,:]", first) or rest[0].startswith("-- "), "a sentence comes first"
    words = header(script)
    assert "\n-- KEYS[1..3]: the prefixes" in words
    assert "\n-- args:\n" in words
    assert "\n-- returns:" in words
    assert "ARGV" not in body(script), "a script finds what it is given in `args`, by name"


@each_script
def test_the_header_of_a_script_names_the_fields_of_its_call_and_answer(script: Path) -> None:
    call = CALLS[script.stem]
    assert explained(script, "args") == fields_of(call)
    if is_dataclass(call.answer):
        assert {name.rstrip("?") for name in explained(script, "returns")} == {
            name.rstrip("?") for name in fields_of(call.answer)
        }


@each_script
def test_a_script_uses_every_field_that_it_is_given_and_no_other(script: Path) -> None:
    used = set(re.findall(r"\bargs\.(\w+)", body(script)))
    assert used == {field.name for field in fields(CALLS[script.stem])}


def explained(script: Path, section: str) -> set[str]:
    """Return the names that a header explains in one section, `?` behind those that may be missing."""
    lines = re.search(rf"^-- {section}:.*\n((?:--   .*\n?)*)", header(script) + "\n", re.MULTILINE)
    found: set[str] = set()
    for line in lines.group(1).splitlines() if lines else ():
        if names := re.fullmatch(r"-- +(\w+\??(?:, \w+\??)*): .*", line):
            found |= set(names.group(1).split(", "))
    return found


def fields_of(shape: Any) -> set[str]:
    """Return the names of a shape's fields, those of its parts and items too, `?` behind those that may be None."""
    hints = get_type_hints(shape)
    found: set[str] = set()
    for field in fields(shape):
        hint, optional = without_none(hints[field.name])
        found.add(field.name + "?" * optional)
        for inner in (hint, *get_args(hint)):
            parts = (inner, *get_args(inner))
            found |= {name for part in parts if is_dataclass(part) for name in fields_of(part)}
    return found


@each_script
def test_a_script_names_exactly_the_pieces_that_it_uses(script: Path) -> None:
    found = re.search(r"^-- uses: (.+)$", header(script), re.MULTILINE)
    named = found.group(1).split(", ") if found else []
    used = [piece for piece in named if functions_of(piece) & called(body(script))]
    needed = {piece.stem for piece in LIBRARIES if functions_of(piece.stem) & called(body(script))}
    for piece in named:
        needed |= {other.stem for other in LIBRARIES if functions_of(other.stem) & called(library(piece))}
    assert sorted(named) == sorted(needed), f"used by the script itself: {used}"


def library(piece: str) -> str:
    return body(FOLDER / "lib" / f"{piece}.lua")


def functions_of(piece: str) -> set[str]:
    return set(re.findall(r"^local function (\w+)", library(piece), re.MULTILINE))


def called(text: str) -> set[str]:
    """Return the functions that are called in Lua text, those it defines itself left out."""
    own = set(re.findall(r"function (\w+)\(", text))
    return set(re.findall(r"(?<![.:\w])(\w+)\(", text)) - own


def test_no_key_is_spelled_outside_of_the_file_of_keys() -> None:
    for script in [*SCRIPTS, *LIBRARIES]:
        literal = re.findall(r"redis\.call\('\w+',\s*['\"][^)]*", body(script))
        assert literal == [], script.name
        assert set(re.findall(r"\bkey\.(\w+)\(", body(script))) <= set(PATTERNS), script.name
    names = "|".join(pattern.split(":")[0] for pattern in PATTERNS.values())
    spelled = re.compile(rf"[\"'](pointsman:\S|celery-task-meta-|({names}):%s)")
    for path in SOURCES:
        if name_of(path) != "router/store/keys.py":
            assert not spelled.findall(path.read_text(encoding="utf-8")), name_of(path)


def test_every_key_is_used() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in [*SCRIPTS, *LIBRARIES, *SOURCES])
    assert [name for name in PATTERNS if not re.search(rf"key\.{name}\(|key\(\"{name}\"", text)] == []


def test_all_of_it_is_imported_under_one_name() -> None:
    other = re.compile(r"^\s*(?:from|import) (router|workers|producer)\b", re.MULTILINE)
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.py")]
    wrong = [name_of(path) for path in [*SOURCES, *TESTS, *documents] if other.search(path.read_text("utf-8"))]
    assert wrong == []


def test_the_environment_is_read_only_where_processes_start() -> None:
    readers = [
        name_of(path)
        for path in SOURCES
        if re.search(r"\bos\.(environ|getenv)\b|from os import", path.read_text(encoding="utf-8"))
    ]
    assert [name for name in readers if not name.startswith(READ_THE_ENVIRONMENT)] == []


def test_nothing_is_opened_or_read_when_a_module_is_imported() -> None:
    opening = re.compile(
        r"^(?!def |class |async |@| |#|\"|from |import ).*\b(Settings|Redis|load_settings|open_redis)\("
    )
    found = [
        f"{name_of(path)}: {line}"
        for path in SOURCES
        for line in path.read_text(encoding="utf-8").splitlines()
        if opening.match(line)
    ]
    assert found == []


def test_the_public_endpoints_name_exactly_what_they_bring_in() -> None:
    for path in SOURCES:
        if path.name != "__init__.py":
            continue
        module = importlib.import_module(module_of(path.parent))
        tree = ast.parse(path.read_text(encoding="utf-8"))
        given_on = _brought_in(tree) - {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        named = set(getattr(module, "__all__", ()))
        assert given_on <= named, f"{name_of(path)} brings in what it neither uses nor names"
        assert {name for name in named if not hasattr(module, name)} == set(), name_of(path)
        own = {name for name in _defined(tree) if not name.startswith("_")}
        assert not named or own <= named, f"{name_of(path)} defines what it does not name"


def _brought_in(tree: ast.Module) -> set[str]:
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.level]
    return {alias.asname or alias.name for node in imports for alias in node.names}


def _defined(tree: ast.Module) -> set[str]:
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return {node.name for node in tree.body if isinstance(node, kinds)}


def test_the_layers_hold() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        [str(linter), "--no-cache"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
