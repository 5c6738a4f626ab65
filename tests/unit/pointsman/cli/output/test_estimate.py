"""An estimate, as people read it."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from pointsman.cli.output.estimate import estimate_table, estimate_words
from pointsman.producer.file_run import Estimate, ModelEstimate, Totals


def test_an_estimate_says_how_sure_it_is() -> None:
    models = {"gpt-4": ModelEstimate(900, 4.5, 61.0), "-": ModelEstimate(100, 0.0, 0.0)}
    totals = Totals(1000, 2, 5000, 512_000, ("line 3: bad",))
    known = Estimate(totals, 500, {"code": 1000}, models, 4.5, 61.0)
    words = estimate_words(known)
    assert "lines   1,000, and 2 that cannot be done\n        line 3: bad\n" in words
    assert "about 1 min 1 s" in words
    assert "those of 500 lines, evenly spread, scaled up" in words
    unknown = estimate_words(Estimate(totals, 1000, {}, models, None, None, "no call of gpt-4 has ended yet"))
    assert "price   not known" in unknown
    assert "time    not known: no call of gpt-4 has ended yet" in unknown
    assert "scaled up" not in unknown
    file = StringIO()
    Console(file=file, width=80).print(estimate_table(known))
    assert "none can do it" in file.getvalue()
