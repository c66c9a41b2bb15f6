"""Exact lookups: which line of the found passages answers a question, and does any of them?

A line is scored by what it shares with the question (terms, names), by what it adds (`kinds.py`), and by
late interaction: each token of the question finds its nearest token of the line, both read by the embedder,
so that "flue" meets "chimney" (MaxSim: Khattab & Zaharia, ColBERT, SIGIR 2020). The weights of both scores
are fitted by `nocturne bench answers --part lines --calibrate` and lie in `resources/calibration`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import pairwise
from math import exp
from typing import TYPE_CHECKING

from engine.answer import kinds
from engine.answer.calibration import Weights
from engine.answer.excerpts import scored
from engine.answer.questions import names
from engine.answer.support import context_keys, rarity
from engine.answer.terms import Term, keys, terms
from engine.contracts import Passage
from engine.models.embedder import Embedder, Tokens

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

READ = 12  # lines whose tokens are compared: a few milliseconds each
SHOWN = 36  # words of a line that are shown at most
FEATURES = ("words", "named", "beside", "called", "kind", "tokens", "telling", "weakest", "new")
SURENESS = (*FEATURES, "similarity")
_CLAUSE = re.compile(r"(?<=[,;–—)])\s+|\s+(?=[(–—])")


@dataclass(frozen=True)
class Line:
    """The line [start, end) of the passage's text. `features` by name, each from 0 to 1: those of FEATURES
    tell lines apart, those of SURENESS whether any of them answers.

    `met`: where in the line (code points) the question's tokens found their nearest, with their weights.
    """

    passage: Passage
    start: int
    end: int
    features: Mapping[str, float]
    met: tuple[tuple[int, float], ...] = ()

    @property
    def text(self) -> str:
        return self.passage.text[self.start : self.end]


@dataclass(frozen=True)
class Found:
    """The line that answers best, and how probable it is that it answers at all."""

    line: Line
    sure: float


def find(query: str, passages: Sequence[Passage], embedder: Embedder, weights: Weights) -> Found | None:
    """The best line of the passages; None if they hold no text."""
    found = lines(query, passages, embedder)
    if not found:
        return None
    best = max(found, key=lambda line: weights.of_line(line.features))
    return Found(best, probability(best.features, weights))


def probability(features: Mapping[str, float], weights: Weights) -> float:
    """That the line of these features answers, if it is the best one."""
    return 1 / (1 + exp(-weights.of_sureness(features)))


def lines(query: str, passages: Sequence[Passage], embedder: Embedder) -> list[Line]:
    """The READ lines that share most with the query, with their features."""
    weights = rarity(passages)
    asked = _Asked.of(query, weights, max(weights.values(), default=1.0))
    chosen = sorted(scored(query, passages), key=lambda line: -line.score)[:READ]
    around = {one.passage: _Around.of(passages[one.passage]) for one in chosen}
    texts = [passages[one.passage].text[one.start : one.end] for one in chosen]
    question, *read = embedder.embed_tokens(
        [query, *(around[one.passage].label + text for one, text in zip(chosen, texts, strict=True))]
    )
    similarity = max((max(passage.similarity, 0.0) for passage in passages), default=0.0)
    found = []
    for one, text, tokens in zip(chosen, texts, read, strict=True):
        features, met = _features(asked, text, around[one.passage], question, tokens)
        features["similarity"] = similarity
        label = len(around[one.passage].label)
        inside = tuple((place - label, weight) for place, weight in met if place >= label)
        found.append(Line(passages[one.passage], one.start, one.end, features, inside))
    return found


@dataclass(frozen=True)
class _Asked:
    terms: Sequence[Term]
    weights: Mapping[str, float]  # of each term's key: rare ones tell more
    names: Set[str]
    kind: kinds.Kind
    measures: Set[str]
    called: Sequence[tuple[str, ...]]  # names of several words: whoever bears but one of them is another

    @classmethod
    def of(cls, query: str, rarity: Mapping[str, float], unknown: float) -> _Asked:
        found = terms(query)
        weights = {term.key: rarity.get(term.key, unknown) for term in found}
        named = names(query)
        return cls(
            found,
            weights,
            {term.key for term in named},
            kinds.asked_kind(query),
            kinds.asked_measures(query),
            _called(query, named),
        )

    @property
    def keys(self) -> Set[str]:
        return self.weights.keys()


@dataclass(frozen=True)
class _Around:
    """What stands around a line: keys of what names its passage, of that and all its text, those in a row,
    and the name that is put before the line, where tokens of a question may find theirs.
    """

    context: Set[str]
    near: Set[str]
    row: Sequence[str]
    label: str

    @classmethod
    def of(cls, passage: Passage) -> _Around:
        context = context_keys(passage)
        stem = passage.path.rpartition("/")[2].rpartition(".")[0]
        name = passage.title or passage.heading or stem
        row = [term.key for term in terms(f"{passage.title}\n{passage.heading}\n{stem}\n{passage.text}")]
        return cls(context, context | set(row), row, f"{name}: ")


def _features(
    asked: _Asked, text: str, around: _Around, question: Tokens, line: Tokens
) -> tuple[dict[str, float], list[tuple[int, float]]]:
    held, context = keys(text), around.context
    words = asked.keys - asked.names
    total = sum(asked.weights[key] for key in words)
    tokens, telling, weakest, met = _late(asked, question, line)
    added = held - asked.keys - context
    features = {
        "words": sum(asked.weights[key] for key in words & (held | context)) / total if total else 1.0,
        "named": _share(asked.names, held | context),
        "beside": _share(asked.names, around.near),
        "called": _called_share(asked.called, around.row),
        "kind": kinds.fit(asked.kind, text, asked.keys | context, asked.measures),
        "tokens": tokens,
        "telling": telling,
        "weakest": weakest,
        "new": min(len(added), 4) / 4,
    }
    return features, met


def _late(
    asked: _Asked, question: Tokens, line: Tokens
) -> tuple[float, float, float, list[tuple[int, float]]]:
    """Mean cosine of each token to its nearest, the same weighted by rarity over terms, the lowest of a term,
    and where the nearest ones stand.
    """
    if not len(question.vectors) or not len(line.vectors):
        return 0.0, 0.0, 0.0, []
    cosines: npt.NDArray[np.float32] = question.vectors @ line.vectors.T
    nearest, where = cosines.max(axis=1), cosines.argmax(axis=1)
    of_terms, met = [], []
    for term in asked.terms:
        inside = [at for at, (start, _end) in enumerate(question.spans) if term.start <= start < term.end]
        if inside:
            weight = asked.weights[term.key]
            of_terms.append((weight, float(nearest[inside].mean())))
            met += [(line.spans[where[at]][0], weight / len(inside)) for at in inside]
    total = sum(weight for weight, _value in of_terms)
    telling = sum(weight * value for weight, value in of_terms) / total if total else 0.0
    weakest = min((value for _weight, value in of_terms), default=0.0)
    return float(nearest.mean()), telling, weakest, met


def _called(text: str, named: Sequence[Term]) -> list[tuple[str, ...]]:
    """The names of two and more words, each as its keys."""
    runs: list[list[Term]] = []
    for term in named:
        if runs and not text[runs[-1][-1].end : term.start].strip():
            runs[-1].append(term)
        else:
            runs.append([term])
    return [tuple(term.key for term in run) for run in runs if len(run) > 1]


def _called_share(called: Sequence[tuple[str, ...]], held: Sequence[str]) -> float:
    """The share of names that stand in `held`, a row of keys, as a whole; 1 without any."""
    whole = [any(tuple(held[at : at + len(name)]) == name for at in range(len(held))) for name in called]
    return sum(whole) / len(whole) if whole else 1.0


def _share(part: Set[str], whole: Set[str]) -> float:
    return len(part & whole) / len(part) if part else 1.0


def shown(line: Line) -> tuple[int, int]:
    """What to quote of it, a span in the passage's text: the whole line, of a long one the clauses in which
    the question's tokens met most, of a long clause the words.
    """
    text = line.text
    if len(text.split()) <= SHOWN:
        return line.start, line.end
    starts = [0, *(cut.end() for cut in _CLAUSE.finditer(text)), len(text)]
    if max(len(text[a:b].split()) for a, b in pairwise(starts)) > SHOWN:
        starts = [word.start() for word in re.finditer(r"\S+", text)] + [len(text)]
    best, most = (0, len(text)), (-1.0, 0)
    for first, start in enumerate(starts[:-1]):
        for stop in starts[first + 1 :]:
            span = text[start:stop].rstrip()
            if len(span.split()) > SHOWN:
                break
            met = sum(weight for place, weight in line.met if start <= place < stop)
            # What stands around the met words is more often the answer than what is far from them.
            if (met, len(span)) > most:
                best, most = (start, start + len(span)), (met, len(span))
    return line.start + best[0], line.start + best[1]
