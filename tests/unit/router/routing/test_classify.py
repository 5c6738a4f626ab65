"""Classification: the caller's class, then rules in their order, then examples, then the default."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pointsman.router.routing.catalog import Catalog
from pointsman.router.routing.classifier import ready_prompts
from pointsman.router.routing.classify import Classifier, classifier_of
from pointsman.router.vocabulary.chat import ChatRequest

pytestmark = pytest.mark.xdist_group("classifier")  # the tests share what is learned once

CANDIDATES = {"models": ["m"]}
CLASSES: dict[str, dict[str, object]] = {
    "technical_support": {"examples": "builtin", "keywords": ["not working"], "rules": [r"\berr(or)? ?\d+"]},
    "creative_writing": {"examples": "builtin", "keywords": ["haiku", "error 7"]},
    "math": {"examples": ["builtin", "What is two and two?"]},
    "other": {},
}


def catalog_of(classes: dict[str, dict[str, object]], threshold: float = 0.4) -> Catalog:
    """Return a catalog with one model, these classes, and `other` as the default."""
    return Catalog.model_validate(
        {
            "models": {"m": {"format": "openai", "base_url": "http://127.0.0.1:1/v1", "upstream": "test"}},
            "task_classes": {name: {**CANDIDATES, **fields} for name, fields in classes.items()},
            "default_class": "other",
            "classifier": {"threshold": threshold},
        }
    )


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    """A classifier of all four steps."""
    return Classifier(catalog_of(CLASSES))


def chat(text: str) -> ChatRequest:
    """Return a request of one user message."""
    return ChatRequest.model_validate({"messages": [{"role": "user", "content": text}]})


def test_the_callers_class_goes_before_all_rules(classifier: Classifier) -> None:
    found = classifier.classify(chat("a haiku"), explicit="math")
    assert (found.task_class, found.step, found.confidence) == ("math", "explicit", None)


@pytest.mark.parametrize(
    ("text", "task_class", "step"),
    [
        ("It is NOT WORKING", "technical_support", "keyword 'not working'"),
        ("A haiku, please", "creative_writing", "keyword 'haiku'"),
        ("Screen says err 42", "technical_support", r"rule '\\berr(or)? ?\\d+'"),
        ("haiku about error 7", "technical_support", r"rule '\\berr(or)? ?\\d+'"),
    ],
)
def test_the_first_rule_that_matches_decides(classifier: Classifier, text: str, task_class: str, step: str) -> None:
    found = classifier.classify(chat(text))
    assert (found.task_class, found.step) == (task_class, step)


def test_a_keyword_is_a_whole_word(classifier: Classifier) -> None:
    assert classifier.classify_text("the haikus of spring").step != "keyword 'haiku'"


def test_a_keyword_may_end_in_a_sign() -> None:
    found = Classifier(catalog_of({"code": {"keywords": ["c++"]}, "other": {}})).classify_text("Explain C++ to me")
    assert (found.task_class, found.words) == ("code", "keyword 'c++'")


def test_examples_decide_where_no_rule_does(classifier: Classifier) -> None:
    found = classifier.classify(chat("Solve the equation 4x - 8 = 12 for x"))
    assert (found.task_class, found.step, found.likeliest) == ("math", "examples", "math")
    assert found.confidence is not None
    assert found.confidence > 0.6
    assert found.runner_up in {"technical_support", "creative_writing"}
    assert found.words == f"examples ({found.confidence:.2f})"


def test_an_unsure_classifier_abstains_to_the_default() -> None:
    found = Classifier(catalog_of(CLASSES, threshold=1.0)).classify_text("Solve the equation 4x - 8 = 12 for x")
    assert (found.task_class, found.step, found.likeliest) == ("other", "default", "math")
    assert found.words.startswith("default (examples unsure: math ")


def test_without_rules_and_examples_all_jobs_get_the_default() -> None:
    found = Classifier(catalog_of({"other": {}})).classify_text("Solve the equation")
    assert (found.task_class, found.words, found.confidence) == ("other", "default", None)


def test_the_same_examples_always_give_the_same_answers(classifier: Classifier) -> None:
    again = Classifier(catalog_of(CLASSES))
    for prompt in ready_prompts("extraction"):
        assert again.classify_text(prompt) == classifier.classify_text(prompt)


def test_an_empty_and_a_huge_prompt_are_classified(classifier: Classifier) -> None:
    for text in ("", "\x00", "word " * 1_000_000):
        assert 0 < (classifier.classify_text(text).confidence or 0) <= 1


def test_the_classifier_of_a_catalog_is_made_once() -> None:
    one, other = catalog_of(CLASSES), catalog_of({"other": {}})
    assert classifier_of(one) is classifier_of(catalog_of(CLASSES))
    assert classifier_of(other) is not classifier_of(one)


@pytest.mark.parametrize(
    "part",
    [
        "pointsman.workers.app",
        "pointsman.workers.runtime_step",
        "producer",
        "pointsman.producer.api",
        "pointsman.router.dispatcher.loop",
    ],
)
def test_scikit_learn_is_not_imported_unless_a_catalog_has_examples(part: str) -> None:
    program = f"import sys, {part}; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0
