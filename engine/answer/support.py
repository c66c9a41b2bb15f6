"""Is a sentence supported by a passage, and by which span of it?

A sentence is supported by a window of one to three neighbouring sentences or lines of a passage when every
value it adds to the question (number, name, code) stands in the window, most of its other words do, and the
window is about what the question asks: the question's names stand in it, in its headings or in its file's
name. Of several values of one kind in the window, the sentence must give the one that stands with the
question's words. So a right answer whose value is replaced by another of its kind loses its support.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import PurePath

from engine.answer.terms import Term, keys, sentences, terms
from engine.contracts import Passage

WINDOW = 3  # sentences or lines
ENOUGH_NEW_WORDS = 0.5  # share of the sentence's own words that the window must hold
ENOUGH_WITHOUT_VALUES = 0.6
ENOUGH_ECHOED = 0.8
ENOUGH_ASKED = 0.5  # weighted share of the question's words (those the passages use) near the window
TELLING = 0.95  # of what the best line holds of the question: such lines are the ones that answer it
NEARLY_BEST = 0.75  # of the share that the best line of all passages has
_KIND_NOUN = re.compile(r"\b(?:which|what)\s+(\w+)", re.IGNORECASE)
_ROW = re.compile(r"[^:;\n]+: [^;\n]*; [^:;\n]+: ")  # as readers write a row, its columns named
_BEFORE = 6  # a value written before its word counts as this much further away than one after it


@dataclass(frozen=True)
class Support:
    """`passages[index]` holds the evidence at [start, end) of its document; `score` in 0..1."""

    index: int
    start: int
    end: int
    score: float


@dataclass(frozen=True)
class _Claim:
    """What a sentence says beyond the question, and what the question asks about."""

    values: Mapping[str, str]  # what it adds, with its kind
    new_words: frozenset[str]
    echoed: frozenset[str]
    asked_names: frozenset[str]
    asked_words: Mapping[str, float]  # with their weights: rare words say more about what is asked
    asked_pairs: tuple[frozenset[str], ...] = ()  # each number asked about, with the words beside it
    best_asked: float = 0.0  # the largest weighted share of them that any window holds

    @property
    def new_values(self) -> frozenset[str]:
        return frozenset(self.values)

    def kinds(self, wanted: set[str]) -> frozenset[str]:
        return frozenset(key for key, kind in self.values.items() if kind in wanted)

    @classmethod
    def of(cls, question: str, sentence: str, rarity: Mapping[str, float]) -> _Claim:
        """`rarity` weighs the passages' terms. A question's word that none of them uses asks for nothing."""
        asked, said = terms(question), terms(sentence)
        asked_keys = {term.key for term in asked}
        values = {t.key: t.kind for t in said if t.kind != "word" and t.key not in asked_keys}
        noun = _KIND_NOUN.search(question)
        named = bool(values) and set(values.values()) == {"name"}
        return cls(
            values=values,
            new_words=frozenset(t.key for t in said if t.kind == "word" and t.key not in asked_keys),
            echoed=frozenset(t.key for t in said if t.key in asked_keys),
            asked_names=frozenset(t.key for t in asked if t.kind != "word"),
            asked_pairs=tuple(
                frozenset((t.key, neighbour.key))
                for at, t in enumerate(asked)
                if t.kind == "number"
                for neighbour in asked[max(at - 1, 0) : at + 2]
                if neighbour.kind != "number" and neighbour.key in rarity
            ),
            asked_words={
                t.key: rarity[t.key]
                for t in asked
                # "Which town ...": a file rarely says of a town that it is one.
                if t.kind == "word" and t.key in rarity and not (named and noun and t.start == noun.start(1))
            },
        )


def find_support(
    question: str, sentence: str, passages: Sequence[Passage], prefer: Sequence[int] = ()
) -> Support | None:
    """The best supporting window; passages whose index is in `prefer` win over the others."""
    claim = _Claim.of(question, sentence, rarity(passages))
    telling, best = _telling_lines(claim, passages)
    if not _said_there(claim, telling):
        return None
    claim = replace(claim, best_asked=best)
    for group in (prefer, [i for i in range(len(passages)) if i not in prefer]):
        found = [s for i in group if (s := _support_in(claim, passages[i], i)) is not None]
        if found:
            return max(found, key=lambda support: support.score)
    return None


def closest_window(question: str, sentence: str, passage: Passage) -> tuple[int, int]:
    """Span (in the document) of the sentence or line of `passage` that shares most with the two texts."""
    wanted = keys(question) | keys(sentence)
    spans = sentences(passage.text) or [(0, len(passage.text))]
    start, end = max(spans, key=lambda span: len(wanted & keys(passage.text[span[0] : span[1]])))
    return passage.start + start, passage.start + end


def context_keys(passage: Passage) -> set[str]:
    """Terms of everything that names a passage: headings, title, file and folder name."""
    path = PurePath(passage.path.replace("!/", "/"))
    name = path.stem.replace("_", " ").replace("-", " ")
    return keys(f"{passage.heading} {passage.title} {name} {path.parent.name}")


def rarity(passages: Sequence[Passage]) -> dict[str, float]:
    """Each term's weight: log(1 + lines / lines that hold it), over all lines of the passages."""
    lines = [keys(p.text[start:end]) for p in passages for start, end in sentences(p.text)]
    held = Counter(key for line in lines for key in line)
    for passage in passages:
        held.update(context_keys(passage) - held.keys())
    return {key: math.log(1 + len(lines) / count) for key, count in held.items()}


def _windows(passage: Passage) -> Iterator[tuple[int, int, int]]:
    """(lines, start, end) of every window of `passage.text`; a row of a table is one by itself."""
    spans = sentences(passage.text)
    rows = [bool(_ROW.match(passage.text, start, end)) for start, end in spans]
    for size in range(1, WINDOW + 1):
        for first in range(len(spans) - size + 1):
            if size == 1 or not any(rows[first : first + size]):
                yield size, spans[first][0], spans[first + size - 1][1]


def _telling_lines(claim: _Claim, passages: Sequence[Passage]) -> tuple[list[list[Term]], float]:
    """The terms of the lines that hold most of what is asked, and the largest share of it any line holds."""
    shares: list[tuple[float, float, list[Term]]] = []
    for passage in passages:
        context = context_keys(passage)
        for start, end in sentences(passage.text):
            line = terms(passage.text[start:end])
            near = {term.key for term in line} | context
            named = _share(claim.asked_names, near)
            shares.append((_asked_share(claim, near) + named, _asked_share(claim, near), line))
    best = max((share for share, _asked, _line in shares), default=0.0)
    lines = [line for share, _asked, line in shares if share >= TELLING * best]
    return lines, max((asked for _share_, asked, _line in shares), default=0.0)


def _said_there(claim: _Claim, telling: list[list[Term]]) -> bool:
    """If the most telling lines hold values of a claimed kind, the claimed value must be one of theirs.

    A sentence that claims no value must share a word with them.
    """
    held = {term.key for line in telling for term in line}
    known = claim.echoed | claim.asked_names
    for kinds in ({"number", "code"}, {"name"}):
        claimed = claim.kinds(kinds)
        rivals = any(t.kind in kinds and t.key not in known for line in telling for t in line)
        if claimed and rivals and not claimed & held:
            return False
    return bool(claim.new_values or not claim.new_words or claim.new_words & held)


def _asked_share(claim: _Claim, near: set[str]) -> float:
    total = sum(claim.asked_words.values())
    return sum(w for key, w in claim.asked_words.items() if key in near) / total if total else 1.0


def _all_keys(passage: Passage) -> set[str]:
    return keys(passage.text) | context_keys(passage)


def _support_in(claim: _Claim, passage: Passage, index: int) -> Support | None:
    if not claim.asked_names <= _all_keys(passage):
        return None
    context = context_keys(passage)
    best: Support | None = None
    for size, start, end in _windows(passage):
        score = _score(claim, passage.text[start:end], context, alone=size == 1) - 0.05 * (size - 1)
        if score > 0 and (best is None or score > best.score):
            best = Support(index, passage.start + start, passage.start + end, min(score, 1.0))
    return best


def _score(claim: _Claim, window: str, context: set[str], alone: bool) -> float:
    found = terms(window)
    held = {term.key for term in found}
    near = held | context
    if not claim.new_values <= held or not claim.asked_names <= near:
        return 0.0
    if not _numbers_stand(claim, found, context):
        return 0.0
    own, asked = _share(claim.new_words, near), _asked_share(claim, near)
    if claim.new_values:
        # Where one line holds all that is asked, the sentence may say it with a verb of its own.
        enough = own >= ENOUGH_NEW_WORDS or (alone and bool(claim.asked_words) and asked == 1.0)
    elif claim.new_words:
        enough = own >= ENOUGH_WITHOUT_VALUES and len(claim.new_words & held) >= min(2, len(claim.new_words))
    else:
        enough = bool(claim.echoed) and _share(claim.echoed, held) >= ENOUGH_ECHOED
    # A sentence that repeats one line's own wording may answer a question put in other words.
    repeats = alone and len(claim.new_words & held) >= 2 and own >= ENOUGH_ECHOED
    about = asked >= max(ENOUGH_ASKED, NEARLY_BEST * claim.best_asked) or repeats
    if not enough or not about or not _stands_with(claim, found):
        return 0.0
    return 0.4 + 0.3 * own + 0.3 * asked


def _numbers_stand(claim: _Claim, found: list[Term], context: set[str]) -> bool:
    """A number asked about ("month 3") stands beside its word in the window, or names the whole passage."""
    neighbours = {frozenset((one.key, other.key)) for one, other in pairwise(found)}
    return not claim.asked_pairs or any(pair in neighbours or pair <= context for pair in claim.asked_pairs)


def _share(part: frozenset[str], whole: set[str]) -> float:
    return len(part & whole) / len(part) if part else 1.0


def _stands_with(claim: _Claim, found: list[Term]) -> bool:
    """Of several values of one kind, the claimed one is nearest to the rarest word of the question."""
    anchors = _anchors(claim, found)
    if not anchors:
        return True
    for kind in ("number", "code"):
        rivals = [t for t in found if t.kind == kind and t.key not in claim.asked_names]
        claimed = [t for t in rivals if t.key in claim.new_values]
        others = [t for t in rivals if t.key not in claim.new_values]
        if claimed and others and _distance(claimed, anchors) > _distance(others, anchors):
            return False
    return True


def _anchors(claim: _Claim, found: list[Term]) -> list[int]:
    """Where the window names what is asked: its names and words that come up least often there."""
    wanted = claim.asked_names | claim.asked_words.keys()
    count = Counter(t.key for t in found if t.key in wanted)
    rarest = min(count.values(), default=0)
    return [t.start for t in found if count.get(t.key) == rarest]


def _distance(values: list[Term], anchors: list[int]) -> int:
    return min(
        v.start - anchor if v.start > anchor else (anchor - v.start) * _BEFORE
        for v in values
        for anchor in anchors
    )
