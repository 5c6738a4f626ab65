"""docs/strategies.md: every example is a configuration that works, and no strategy is forgotten."""

from __future__ import annotations

import re
from pathlib import Path

from pointsman.router.routing.catalog import load_catalog
from pointsman.router.routing.strategies import BUILT_IN, build_steps
from tests.support.checkout import ROOT

PAGE = (ROOT / "docs" / "strategies.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def test_every_strategy_has_its_section_with_an_explanation() -> None:
    sections = dict(re.findall(r"^## `(\w+)`\n(.*?)(?=^## )", PAGE, re.DOTALL | re.MULTILINE))
    assert set(sections) == set(BUILT_IN)
    for name, text in sections.items():
        assert "- Good at:" in text, name
        assert "- Bad at:" in text, name
        assert f"strategy  {name}" in text


def test_every_example_is_a_configuration_that_works(tmp_path: Path) -> None:
    whole, *others = BLOCKS
    found = set()
    for number, block in enumerate([None, *others]):
        text = whole if block is None else whole.replace("    strategy: least_connections\n", block)
        path = tmp_path / f"{number}.yaml"
        path.write_text(text, encoding="utf-8")
        found |= {step.strategy.name for step in build_steps(load_catalog(path).task_classes["work"].strategy)}
    assert found == set(BUILT_IN)
