"""A text classifier fitted from example prompts: TF-IDF of words and letters, then logistic regressions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

HEAD_CHARACTERS, TAIL_CHARACTERS = 600, 200
"""What is read of a prompt: the task stands at its start or its end, what is between is material."""

FOLDS = 3
STRENGTH = 10.0
"""Inverse of the regularisation: few examples, many features, so the weights may be large."""

TEMPERATURES = np.geomspace(0.05, 5.0, 61)

Numbers = NDArray[np.float64]
Labels = NDArray[np.intp]


class TextClassifier:
    """Tells the class of a prompt, and how sure it is: the same examples always give the same answers.

    The confidence is a softmax of the scores, with the temperature that fits prompts held out of the fit best.
    """

    def __init__(self, examples: Mapping[str, Sequence[str]]) -> None:
        """Fit on the example prompts of each class: at least two classes, and three prompts in each."""
        self.classes = tuple(sorted(examples))
        texts = [edges(prompt) for name in self.classes for prompt in examples[name]]
        labels = np.array([at for at, name in enumerate(self.classes) for _ in examples[name]])
        self._scorer = _Scorer(texts, labels)
        self._temperature = _temperature(texts, labels)

    def rank(self, prompt: str) -> list[tuple[str, float]]:
        """Return each class with its probability, the likeliest first."""
        scores = self._scorer.scores(edges(prompt))
        shares = _softmax(scores[np.newaxis] / self._temperature)[0]
        return sorted(zip(self.classes, map(float, shares), strict=True), key=lambda pair: -pair[1])


class _Scorer:
    """Gives a text one score per class: the regressions of all classes over the terms of words and letters."""

    def __init__(self, texts: Sequence[str], labels: Labels) -> None:
        vectorizers = _words(), _letters()
        features = csr_matrix(hstack([vectorizer.fit_transform(texts) for vectorizer in vectorizers]))
        weights, self._bias = _fit(features, labels)
        self._parts = _parts(vectorizers, weights)

    def scores(self, text: str) -> Numbers:
        found: Numbers = self._bias + sum(part.scores(text) for part in self._parts)
        return found


class _Part:
    """Scores a text by one vectorizer's terms; sklearn's own way costs several times as much for a single text."""

    def __init__(self, vectorizer: TfidfVectorizer, weights: Numbers) -> None:
        self._terms_of = vectorizer.build_analyzer()
        self._columns: dict[str, int] = vectorizer.vocabulary_
        self._idf, self._weights = vectorizer.idf_, np.ascontiguousarray(weights.T)

    def scores(self, text: str) -> Numbers:
        """Return what the terms of the text add to each class: log term frequency times idf, of length 1."""
        counts = Counter(column for term in self._terms_of(text) if (column := self._columns.get(term)) is not None)
        if not counts:
            return np.zeros(self._weights.shape[1])
        columns = np.fromiter(counts, dtype=np.intp)
        values = (np.log(np.fromiter(counts.values(), dtype=np.float64)) + 1) * self._idf[columns]
        found: Numbers = (values / np.linalg.norm(values)) @ self._weights[columns]
        return found


def edges(prompt: str) -> str:
    """Return the start and the end of a prompt, with every digit a 0: which number stands there says nothing."""
    if len(prompt) > HEAD_CHARACTERS + TAIL_CHARACTERS:
        prompt = f"{prompt[:HEAD_CHARACTERS]} {prompt[-TAIL_CHARACTERS:]}"
    return re.sub(r"\d", "0", prompt)


def _words() -> TfidfVectorizer:
    return TfidfVectorizer(token_pattern=r"\w+|[^\w\s]", ngram_range=(1, 2), sublinear_tf=True)


def _letters() -> TfidfVectorizer:
    return TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 4), min_df=2, sublinear_tf=True)


def _parts(vectorizers: Iterable[TfidfVectorizer], weights: Numbers) -> list[_Part]:
    parts, start = [], 0
    for vectorizer in vectorizers:
        end = start + len(vectorizer.vocabulary_)
        parts.append(_Part(vectorizer, weights[:, start:end]))
        start = end
    return parts


def _fit(features: csr_matrix, labels: Labels) -> tuple[Numbers, Numbers]:
    """Return weights (class x feature) and biases of one regression per class; liblinear needs no threads."""
    weights, biases = [], []
    for label in np.unique(labels):
        model = LogisticRegression(
            C=STRENGTH, solver="liblinear", dual=True, class_weight="balanced", random_state=0
        )
        model.fit(features, labels == label)
        weights.append(model.coef_[0])
        biases.append(model.intercept_[0])
    return np.array(weights), np.array(biases)


def _temperature(texts: Sequence[str], labels: Labels) -> float:
    """Return the temperature under which held-out examples get the greatest likelihood."""
    scores = np.zeros((len(labels), len(np.unique(labels))))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    for known, held_out in folds.split(texts, labels):
        scorer = _Scorer([texts[at] for at in known], labels[known])
        scores[held_out] = [scorer.scores(texts[at]) for at in held_out]
    return float(min(TEMPERATURES, key=lambda temperature: _surprise(scores / temperature, labels)))


def _surprise(scores: Numbers, labels: Labels) -> float:
    return float(-np.log(_softmax(scores)[np.arange(len(labels)), labels] + 1e-12).mean())


def _softmax(scores: Numbers) -> Numbers:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    found: Numbers = powers / powers.sum(axis=1, keepdims=True)
    return found
