"""docs/cost.md: the sum that it shows is the one that a result has."""

from __future__ import annotations

import re

import yaml

from pointsman.router.vocabulary.chat import Usage
from pointsman.router.vocabulary.model import Price
from pointsman.workers.cost import cost_usd
from tests.support.checkout import ROOT

PAGE = (ROOT / "docs" / "cost.md").read_text(encoding="utf-8")


def test_the_example_is_what_such_a_call_costs() -> None:
    price = Price.model_validate(yaml.safe_load(re.findall(r"```yaml\n(.*?)```", PAGE, re.S)[0])["price"])
    found = re.search(
        r"with ([\d,]+) tokens of input, ([\d,]+) of which .*? and (\d+) tokens of output", PAGE, re.S
    )
    assert found
    given, cached, made = (int(number.replace(",", "")) for number in found.groups())
    shown = re.search(r"1,000,000 = \$([\d.]+)", PAGE)
    assert shown
    usage = Usage(input_tokens=given, cached_tokens=cached, output_tokens=made)
    assert cost_usd(usage, price) == float(shown[1])
