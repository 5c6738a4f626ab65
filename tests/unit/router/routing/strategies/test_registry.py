"""Strategies in models.yaml: each form works, and each mistake is told with its line and field."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.router.routing.catalog import Catalog, load_catalog
from pointsman.router.routing.decide import Chains, check_strategies
from pointsman.router.vocabulary.errors import ConfigError
from pointsman.router.vocabulary.facts import JobFacts
from pointsman.router.vocabulary.job import JobSpec
from pointsman.router.vocabulary.lanes import Lane

FILE = """\
models:
  a: {format: openai, base_url: http://x, upstream: a}
  b: {format: openai, base_url: http://x, upstream: b}
task_classes:
  work:
    models: [a, b]
    strategy: STRATEGY
default_class: work
aliases:
  both: [a, b]
"""


def load(folder: Path, strategy: str, *, text: str = FILE) -> Catalog:
    path = folder / "models.yaml"
    path.write_text(text.replace("STRATEGY", strategy), encoding="utf-8")
    return load_catalog(path)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("random", "random"),
        ("{name: weighted_round_robin, weights: {a: 2}}", "weighted_round_robin"),
        ("[{name: contextual, rules: [{when: {topic: law}, use: [a]}]}, random]", "contextual > random"),
        ("{name: contextual, rules: [{when: {topic: law}, use: [a]}]}", "contextual > least_connections"),
        ("[model_aware, least_connections]", "model_aware > least_connections"),
        ('{name: "examples.own_strategy.cheapest:CHEAPEST", busy_above: 0.5}', "cheapest"),
    ],
)
def test_a_strategy_is_a_name_a_mapping_or_a_list(tmp_path: Path, given: str, name: str) -> None:
    catalog = load(tmp_path, given)
    assert Chains(catalog).chain(Lane("work", "t", ("a", "b")), JobFacts()).name == name
    assert Catalog.model_validate(catalog.model_dump(mode="json")) == catalog


RULE = "{{name: contextual, rules: [{{when: {}, use: [a]}}]}}"
MISTAKES = [
    ("fastest", "", "no strategy is called 'fastest' (there are: round_robin"),
    ("[random, least_connections]", ".0", "random leaves one model only"),
    ("[]", "", "at least 1 item"),
    ("{name: weighted_round_robin, weights: {c: 1}}", ".weights.c", "'c' is none of the class's models"),
    ("{name: weighted_round_robin, weights: {a: 0}}", ".weights.a", "greater than or equal to 1"),
    ("{name: adaptive, flor: 0.1}", ".flor", "adaptive: no such option"),
    ("{name: model_aware, metric: beauty}", ".metric", "'speed', 'accuracy'"),
    ("{name: contextual, rules: []}", ".rules", "at least 1 item"),
    ("{name: contextual, rules: [{when: {topic: law}, use: [z]}]}", ".rules.0.use.0", "'z' is none of"),
    (RULE.format("{topic: {regex: '(('}}"), ".rules.0.when.topic", "not a regular"),
    (RULE.format("{x: {min: 5, max: 1}}"), ".rules.0.when.x", "min 5 is above max 1"),
    ("'nowhere.to:FIND'", "", "'nowhere.to:FIND' cannot be imported: ModuleNotFoundError"),
    ("'json:dumps'", "", "is no pointsman.router.routing.strategies.Strategy but a function"),
]


@pytest.mark.parametrize(("given", "field", "message"), MISTAKES, ids=[mistake[2] for mistake in MISTAKES])
def test_a_mistake_in_a_strategy_is_reported_with_line_and_field(
    tmp_path: Path, given: str, field: str, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, given)
    assert message in str(caught.value)
    assert caught.value.field.startswith(f"task_classes.work.strategy{field}")
    assert caught.value.line == 7


def test_the_line_of_a_rule_is_that_of_the_rule(tmp_path: Path) -> None:
    rules = "\n      name: contextual\n      rules:\n        - when: {language: {regex: '['}}\n          use: [a]"
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, rules)
    assert (caught.value.line, caught.value.field[:41]) == (10, "task_classes.work.strategy.rules.0.when.l")


@pytest.mark.parametrize(
    ("old", "new", "line", "field"),
    [
        ("models: [a, b]", "models: []", 6, "task_classes.work.models"),
        ("both: [a, b]", "both: []", 10, "aliases.both.models"),
        ("both: [a, b]", "both: [a, c]", 10, "aliases.both.models.1"),
        ("both: [a, b]", "a: [a, b]", 10, "aliases.a"),
        ("default_class: work", "default_class: play", 8, "default_class"),
        ("strategy: STRATEGY", "quality: {c: 1}", 7, "task_classes.work.quality.c"),
        ("strategy: STRATEGY", "quality: {a: 2}", 7, "task_classes.work.quality.a"),
    ],
)
def test_a_mistake_beside_the_strategy_is_reported_too(
    tmp_path: Path, old: str, new: str, line: int, field: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, "random", text=FILE.replace(old, new))
    assert (caught.value.line, caught.value.field) == (line, field)


def test_a_job_may_name_a_strategy_but_import_nothing(tmp_path: Path) -> None:
    catalog = load(tmp_path, "random")
    check_strategies(catalog, JobSpec(prompt="x", strategy=["model_aware", "adaptive"]))
    check_strategies(catalog, JobSpec(prompt="x", strategy="consistent_hash", model="both"))
    for wrong in (["os:system"], ["fastest"], ["random", "adaptive"], ["contextual"]):
        with pytest.raises(ValueError, match=r"no strategy is called|leaves one model|Field required"):
            check_strategies(catalog, JobSpec(prompt="x", strategy=wrong))


def test_a_job_takes_its_class_s_options_for_a_strategy_it_names(tmp_path: Path) -> None:
    catalog = load(tmp_path, "{name: model_aware, metric: cost}")
    chain = Chains(catalog).chain(Lane("work", "t", ("a", "b")), JobFacts(strategy=("model_aware",)))
    assert chain.steps[0].options.metric == "cost"  # type: ignore[attr-defined] # that strategy has it
