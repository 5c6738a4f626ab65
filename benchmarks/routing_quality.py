"""How well routing by task class chooses models: accuracy and price on measured scores, cross-validated.

    python benchmarks/routing_quality.py [llm_scores_dev.jsonl] [--prices llm_scores_prices.json]

Each of five folds is held out once. On the others the text classifier is fitted, and each model's mean score for
each class measured; of the models within one standard error of a class's best, the cheapest is its choice.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev

from pointsman.router.routing.classifier.report import ClassificationReport
from pointsman.router.routing.classifier.text import TextClassifier

DATA = Path(__file__).parents[2] / "shared/data/llm_scores_dev.jsonl"
WHENCE = "make it from the repository ulab-uiuc/LLMRouter: JSON Lines of prompt, task_class, scores by model"
FOLDS = 5
SEED = 7
CHARACTERS_PER_TOKEN = 4

ByClass = Mapping[str, str]
Choice = Callable[["Row"], str]


@dataclass(frozen=True)
class Row:
    """A prompt, its true class, the score (0 to 1) of each model on it, and the class that was found."""

    prompt: str
    task_class: str
    scores: Mapping[str, float]
    found: str = ""

    @property
    def tokens(self) -> float:
        """The estimated size of the prompt; what the models answered is not in the data."""
        return len(self.prompt) / CHARACTERS_PER_TOKEN


def main() -> int:
    """Print the table."""
    options = _options()
    if not options.scores.is_file():
        sys.stdout.write(f"skipped: there is no file {options.scores}; {WHENCE}\n")
        return 0
    rows = [_row(json.loads(line)) for line in options.scores.read_text(encoding="utf-8").splitlines()]
    prices_file = options.prices or options.scores.with_name("llm_scores_prices.json")
    prices = {name: price["input_usd_per_mtok"] for name, price in json.loads(prices_file.read_text()).items()}
    random.Random(SEED).shuffle(rows)
    outcomes: dict[str, list[tuple[Row, str]]] = {}
    pairs, seconds = [], []
    for fold in range(FOLDS):
        known = [row for at, row in enumerate(rows) if at % FOLDS != fold]
        classifier = TextClassifier(_by_class(known))
        held_out, spent = _classified(classifier, rows[fold::FOLDS])
        seconds.append(spent)
        pairs += [(row.task_class, row.found) for row in held_out]
        for name, choose in _ways(known, rows, prices=prices).items():
            outcomes.setdefault(name, []).extend((row, choose(row)) for row in held_out)
    _print(outcomes, prices)
    report = ClassificationReport.of(pairs)
    sys.stdout.write(
        f"\nclassifier: accuracy {report.accuracy:.3f}, macro-F1 {report.macro_f1:.3f}, "
        f"{sum(seconds) / len(rows) * 1000:.3f} ms a prompt\n"
    )
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("scores", nargs="?", type=Path, default=DATA)
    parser.add_argument("--prices", type=Path, help="default: llm_scores_prices.json beside the scores")
    return parser.parse_args()


def _row(data: Mapping[str, object]) -> Row:
    return Row(str(data["prompt"]), str(data["task_class"]), data["scores"])  # type: ignore[arg-type] # as the data has it


def _by_class(rows: Iterable[Row]) -> dict[str, list[str]]:
    prompts: dict[str, list[str]] = {}
    for row in rows:
        prompts.setdefault(row.task_class, []).append(row.prompt)
    return prompts


def _classified(classifier: TextClassifier, rows: Sequence[Row]) -> tuple[list[Row], float]:
    start = time.perf_counter()
    names = [classifier.rank(row.prompt)[0][0] for row in rows]
    spent = time.perf_counter() - start
    return [Row(row.prompt, row.task_class, row.scores, name) for row, name in zip(rows, names, strict=True)], spent


def _ways(known: Sequence[Row], rows: Sequence[Row], *, prices: Mapping[str, float]) -> dict[str, Choice]:
    """Return each way to choose a model; the oracles look at all scores, the others at those that are known."""
    dice = random.Random(SEED)
    single = max(prices, key=lambda model: fmean(row.scores[model] for row in known))
    best, thrifty = _per_class(known, prices, pick=_best), _per_class(known, prices, pick=_cheapest_of_the_good)
    oracle = _per_class(rows, prices, pick=_best)
    return {
        "random": lambda row: dice.choice(sorted(prices)),
        "best single model": lambda row: single,
        "classify -> best of the class": lambda row: best[row.found],
        "classify -> cheapest of the good": lambda row: thrifty[row.found],
        "class oracle": lambda row: oracle[row.task_class],
        "oracle": lambda row: max(sorted(prices, key=prices.__getitem__), key=row.scores.__getitem__),
    }


Pick = Callable[[Mapping[str, Sequence[float]], Mapping[str, float]], str]


def _per_class(rows: Sequence[Row], prices: Mapping[str, float], *, pick: Pick) -> ByClass:
    names = {row.task_class for row in rows}
    return {
        name: pick(
            {model: [row.scores[model] for row in rows if row.task_class == name] for model in prices}, prices
        )
        for name in names
    }


def _best(scores: Mapping[str, Sequence[float]], prices: Mapping[str, float]) -> str:
    return max(scores, key=lambda model: (fmean(scores[model]), -prices[model]))


def _cheapest_of_the_good(scores: Mapping[str, Sequence[float]], prices: Mapping[str, float]) -> str:
    """Return the cheapest model whose mean is within one standard error of the best mean."""
    top = scores[_best(scores, prices)]
    enough = fmean(top) - stdev(top) / len(top) ** 0.5
    good = [model for model in scores if fmean(scores[model]) >= enough]
    return min(good, key=lambda model: (prices[model], -fmean(scores[model])))


def _print(outcomes: Mapping[str, Sequence[tuple[Row, str]]], prices: Mapping[str, float]) -> None:
    sys.stdout.write(f"{'way to choose':34} accuracy   USD per Mtok of prompts\n")
    for name, chosen in outcomes.items():
        accuracy = fmean(row.scores[model] for row, model in chosen)
        cost = sum(row.tokens * prices[model] for row, model in chosen) / sum(row.tokens for row, _ in chosen)
        sys.stdout.write(f"{name:34} {accuracy:7.1%}   {cost:.3f}\n")


if __name__ == "__main__":
    sys.exit(main())
