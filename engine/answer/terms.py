"""What a text is about: its content words and its values (numbers, names, codes), folded for comparison."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from resources import resource

Kind = Literal["word", "name", "number", "code"]

_TOKEN = re.compile(r"\w+(?:[-'’.,:/@_+&]\w+)*")
_SENTENCE_END = re.compile(r"(?<=[.!?…])([\"”')\]]*)\s+(?=[\"“'(\[]*[\w])")
_NUMBER_WORDS = dict(
    zip(
        "two three four five six seven eight nine ten eleven twelve".split(),
        map(str, range(2, 13)),
        strict=True,
    )
)
_THOUSANDS = re.compile(r"(?<=\d)[,' ](?=\d{3}\b)")
# A full stop after these does not end a sentence; after the latter, which are words as well, before a number.
_ABBREVIATIONS = re.compile(
    r"(?:\b(?:Dr|Mr|Mrs|Ms|Prof|St|No|Nr|Inc|Ltd|vs|e\.g|i\.e|etc|approx|incl|excl|tel|dept|fig)\."
    r"|(?<![\w-])[A-Z]\.)$"
)
_BEFORE_NUMBERS = re.compile(r"\b(?:no|nr|nos|p|pp|vol|art|ext|ca|sec|ch)\.$", re.IGNORECASE)


@lru_cache(maxsize=1)
def stopwords() -> frozenset[str]:
    """Words that say nothing about the subject of a question or a sentence."""
    return frozenset(resource("stopwords/en.txt").read_text(encoding="utf-8").split())


@dataclass(frozen=True, slots=True)
class Term:
    """One comparable unit. `key` is its folded form, `start, end` its place in the text it came from."""

    key: str
    kind: Kind
    start: int
    end: int


def fold(text: str) -> str:
    """Lower case without accents, compatibility forms resolved."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def terms(text: str) -> list[Term]:
    """Content terms in order of appearance. Function words are left out."""
    return [term for match in _TOKEN.finditer(text) if (term := _term(match)) is not None]


def keys(text: str) -> set[str]:
    return {term.key for term in terms(text)}


def number_word(text: str) -> int:
    """The whole number that a word or digits say, from 1 to 99,999; 0 if they say none."""
    digits = _NUMBER_WORDS.get(fold(text), text)
    return int(digits) if re.fullmatch(r"[0-9]{1,5}", digits) else 0


def _term(match: re.Match[str]) -> Term | None:
    raw = re.sub(r"['’]s?$|['’]s\b", "", match.group())
    if not raw:
        return None
    folded = fold(raw)
    if folded in stopwords():
        return None
    if folded in _NUMBER_WORDS:
        return Term(_NUMBER_WORDS[folded], "number", match.start(), match.end())
    if any(char.isdigit() for char in raw):
        number = _THOUSANDS.sub("", raw)
        kind: Kind = "number" if re.fullmatch(r"\d+(?:[.,:]\d+)?", number) else "code"
        return Term(fold(number), kind, match.start(), match.end())
    if "@" in raw or "/" in raw:
        return Term(folded, "code", match.start(), match.end())
    kind = "name" if raw[0].isupper() else "word"
    return Term(stem(folded), kind, match.start(), match.end())


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """The word's stem, by the Snowball stemmer for English: a question and a file inflect differently."""
    return str(_stemmer().stemWord(word))


@lru_cache(maxsize=1)
def _stemmer() -> Any:
    import snowballstemmer

    return snowballstemmer.stemmer("english")


def sentences(text: str) -> list[tuple[int, int]]:
    """Spans of the sentences and lines of `text`, without surrounding white space."""
    spans: list[tuple[int, int]] = []
    for line in re.finditer(r"[^\n]+", text):
        start = line.start()
        cuts = list(_SENTENCE_END.finditer(line.group()))
        for cut in cuts:
            stop, end, further = (line.start() + at for at in (cut.start(), cut.end(1), cut.end()))
            if _is_over(text[start:stop], text[further]):
                spans.append((start, end))
                start = further
        spans.append((start, line.end()))
    return [trimmed for start, end in spans if (trimmed := _trim(text, start, end)) is not None]


def _is_over(sentence: str, further: str) -> bool:
    """Whether the full stop at its end ends it, where `further` is the next character."""
    if _ABBREVIATIONS.search(sentence):
        return False
    return not (further.isdigit() and _BEFORE_NUMBERS.search(sentence))


def _trim(text: str, start: int, end: int) -> tuple[int, int] | None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return (start, end) if start < end else None
