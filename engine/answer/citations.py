"""From what the model wrote to an answer whose citations were built and checked by code.

The model's `[n]` markers are hints: they say which passage to look at first. The markers in the finished
answer are ours, numbered in order of appearance, and each hangs on evidence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.answer.support import closest_window, find_support
from engine.answer.terms import keys, sentences
from engine.contracts import AnswerSentence, Citation, Passage

MARKER = re.compile(r"\s*\[(\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\]")
_SPACE_BEFORE_STOP = re.compile(r"\s+([.!?,;:])")
CITATIONS_A_SENTENCE = 2


@dataclass(frozen=True)
class Checked:
    """The answer with our markers, its sentences, and its citations."""

    text: str
    sentences: tuple[AnswerSentence, ...]
    citations: tuple[Citation, ...]

    @property
    def supported(self) -> bool:
        return any(sentence.supported for sentence in self.sentences)


def check(question: str, written: str, passages: Sequence[Passage]) -> Checked:
    """Map markers to passages and look for the support of every sentence.

    A sentence is supported if a passage supports it, whether the model cited that one, another one, or
    none. A marker whose passage does not support its sentence stays as an unverified citation when nothing
    else supports the sentence; a marker that points at no passage is dropped.
    """
    cited: list[Citation] = []
    checked: list[AnswerSentence] = []
    pieces: list[str] = []
    at = 0
    for start, end in _sentences_with_markers(written):
        raw = written[start:end]
        plain = strip_markers(raw)
        numbers = _cite(question, plain, _marked(raw, len(passages)), passages, cited)
        pieces.append(written[at:start] + _with_markers(plain, numbers))
        at = end
        supported = any(cited[n - 1].verified for n in numbers)
        if keys(plain) or supported:
            checked.append(AnswerSentence(plain, supported, tuple(numbers)))
    return Checked("".join(pieces).strip(), tuple(checked), tuple(cited))


def quoted(passage: Passage, start: int, end: int) -> Checked:
    """The answer that is a passage's own words, at [start, end) of its text."""
    cited: list[Citation] = []
    number = _number(cited, passage, passage.start + start, passage.start + end, True)
    text = passage.text[start:end]
    parts = tuple(AnswerSentence(text[a:b], True, (number,)) for a, b in sentences(text))
    return Checked(_with_markers(text, [number]), parts, tuple(cited))


def beyond(quote: Checked, sentences: Sequence[AnswerSentence], citations: Sequence[Citation]) -> Checked:
    """`quote`, and after it each supported one of the `sentences` that says more, with its evidence."""
    text, told, cited = quote.text, list(quote.sentences), list(quote.citations)
    known = keys(strip_markers(text))
    for sentence in sentences:
        if not sentence.supported or keys(sentence.text) <= known:
            continue
        numbers = tuple(_numbered(cited, citations[n - 1]) for n in sentence.citations)
        told.append(replace(sentence, citations=numbers))
        text = f"{text} {_with_markers(sentence.text, numbers)}"
        known |= keys(sentence.text)
    return Checked(text, tuple(told), tuple(cited))


def strip_markers(text: str) -> str:
    return _SPACE_BEFORE_STOP.sub(r"\1", MARKER.sub("", text)).strip()


def _sentences_with_markers(text: str) -> list[tuple[int, int]]:
    """Sentence spans; a marker after the full stop belongs to the sentence before it."""
    spans: list[tuple[int, int]] = []
    for start, end in sentences(text):
        leading = MARKER.match(text, start)
        while leading and leading.end() <= end and spans and "\n" not in text[spans[-1][1] : start]:
            spans[-1] = (spans[-1][0], leading.end())
            start = leading.end()
            leading = MARKER.match(text, start)
        if text[start:end].strip():
            spans.append((start, end))
    return spans


def _marked(sentence: str, count: int) -> list[int]:
    """Indexes (from 0) of the passages that the sentence's markers name."""
    numbers = [int(n) for m in MARKER.finditer(sentence) for n in re.findall(r"\d+", m.group(1))]
    return [n - 1 for n in dict.fromkeys(numbers) if 1 <= n <= count]


def _cite(
    question: str, plain: str, marked: list[int], passages: Sequence[Passage], cited: list[Citation]
) -> list[int]:
    if not keys(plain):
        return []
    support = find_support(question, plain, passages, marked)
    if support is not None:
        return [_number(cited, passages[support.index], support.start, support.end, True)]
    return [
        _number(cited, passages[i], *closest_window(question, plain, passages[i]), False)
        for i in marked[:CITATIONS_A_SENTENCE]
    ]


def _number(cited: list[Citation], passage: Passage, start: int, end: int, verified: bool) -> int:
    quote = passage.text[start - passage.start : end - passage.start]
    evidence = Citation(
        n=0,
        path=passage.path,
        page=passage.page,
        quote=quote,
        start=start,
        end=end,
        verified=verified,
        heading=passage.heading,
        sha256=passage.sha256,
        reader=passage.reader,
    )
    return _numbered(cited, evidence)


def _numbered(cited: list[Citation], evidence: Citation) -> int:
    """The number of this evidence in the answer, new or already given."""
    for known in cited:
        if replace(known, n=evidence.n) == evidence:
            return known.n
    cited.append(replace(evidence, n=len(cited) + 1))
    return len(cited)


def _with_markers(sentence: str, numbers: Sequence[int]) -> str:
    if not numbers:
        return sentence
    marks = "".join(f"[{n}]" for n in numbers)
    stop = re.search(r"[.!?…]+[\"”')\]]*$", sentence)
    cut = stop.start() if stop else len(sentence)
    return f"{sentence[:cut].rstrip()} {marks}{sentence[cut:]}"
