"""The task classes that ship: enough examples, each its own, and good enough to tell the classes apart."""

from __future__ import annotations

from collections import Counter

from pointsman.router.routing.classifier import ready_classes, ready_prompts
from pointsman.router.routing.classifier.report import ClassificationReport
from pointsman.router.routing.classifier.text import TextClassifier

FOLDS = 5
FLOOR = 0.79
"""Macro-F1 over five folds: 0.84 measured when this was written, less what another scikit-learn may change."""


def test_eight_classes_ship() -> None:
    assert set(ready_classes()) >= {
        "technical_support", "creative_writing", "general_information", "summarization", "code", "math",
        "ethical_discussion", "extraction",
    }  # fmt: skip


def test_each_has_forty_examples_and_none_comes_twice() -> None:
    prompts = {name: ready_prompts(name) for name in ready_classes()}
    assert all(len(found) >= 40 for found in prompts.values())
    seen = Counter(prompt.casefold() for found in prompts.values() for prompt in found)
    assert [prompt for prompt, count in seen.items() if count > 1] == []


def test_the_classes_can_be_distinguished_by_prompts_not_seen() -> None:
    prompts = {name: ready_prompts(name) for name in ready_classes()}
    pairs, confidences = [], []
    for fold in range(FOLDS):
        known = {
            name: [text for at, text in enumerate(texts) if at % FOLDS != fold] for name, texts in prompts.items()
        }
        classifier = TextClassifier(known)
        for name, texts in prompts.items():
            for text in texts[fold::FOLDS]:
                found, confidence = classifier.rank(text)[0]
                pairs.append((name, found))
                confidences.append(confidence)
    report = ClassificationReport.of(pairs)
    assert report.macro_f1 > FLOOR, f"macro-F1 {report.macro_f1:.3f}"
    assert abs(sum(confidences) / len(confidences) - report.accuracy) < 0.08, "the confidence is not calibrated"
