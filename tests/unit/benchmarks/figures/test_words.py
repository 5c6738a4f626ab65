"""Names that stand for many things, and functions that are too much."""

from __future__ import annotations

from pathlib import Path

from benchmarks.figures.checkout import Checkout
from benchmarks.figures.words import functions, gerund_files, shared_class_names, talking_names


def test_names_are_found_by_their_words_in_python_and_in_lua(checkout: Checkout) -> None:
    assert talking_names(checkout, "workers") == ["on_told", "said", "telling"]
    assert sorted(talking_names(checkout, "router")) == ["hear", "said", "told"]
    assert talking_names(checkout, "pointsman") == []
    assert gerund_files(checkout, "workers") == ["telling.py"]


def test_a_class_inside_another_shares_its_name_with_nobody(checkout: Checkout) -> None:
    assert shared_class_names(checkout) == {"Job": 2}
    assert shared_class_names(checkout, ["router"]) == {}


def test_findings_are_functions_too_long_too_tangled_or_with_too_many_parameters(tmp_path: Path) -> None:
    (tmp_path / "router").mkdir()
    long = "def long():\n" + "    print()\n" * 40
    tangled = "def tangled(a):\n" + "    if a: print()\n" * 8
    wide = "def wide(a, b, c, d, e, f, g):  # noqa: PLR0913\n    print()\n"
    good = "def good(a, b, c, d, e, f):\n" + "    print()\n" * 32 + "    if a: print()\n" * 7
    (tmp_path / "router" / "all.py").write_text("\n\n".join([long, tangled, wide, good]))
    for package in ("workers", "producer", "pointsman"):
        (tmp_path / package).mkdir()
    measured = functions(Checkout(tmp_path), "router")
    assert (measured.count, measured.findings, measured.longest) == (4, 3, 40)
