"""What a person typed, taken apart: every text is legal, and none of it is syntax."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from engine.library import segments

_PHRASE = re.compile(r'"([^"]*)"')
_WORD = re.compile(r"[^\W_]+")
# What marks a number, file name or address; plain hyphens ("high-speed") made ranking worse as phrases.
_NAME = re.compile(r"[\d_./\\@:]")
_FILE = re.compile(r"[^\s\"/\\.]{2,}[^\s\"/\\]*\.[A-Za-z][A-Za-z0-9]{0,5}")
_WHOLE = re.compile(r"[^\s\"/\\]+\.[A-Za-z][A-Za-z0-9]{0,5}")  # "i.e", too: looking for it costs nothing
# Letters and digits that people make up as a mark: "QX7-LIMA", "pol-358", a long number; no "3-dimensional".
_CODE = re.compile(
    r"(?<!\w)(?=[\w/.-]*\d)(?:(?=[\w/.-]*[A-Z])|(?=[a-z]{1,5}[/._-]?\d\d)|(?=(?:[/._-]?\d){5}))[\w]+(?:[/._-]\w+)*"
)
# A pasted page is searched by its first words: each term costs a walk over all passages that hold it. Words
# may repeat, for what a text says often it is about: nDCG@10 on three collections .374 .397 .432, else .368
# .345 .433. Leaving out common words costs nothing there and makes the search two to ten times as fast.
_MOST_WORDS = 48
_MOST_PHRASES = 16
_TRIGRAM = 3  # code points; what is shorter has no row in an index of trigrams
_LOOKUP = 5  # words; fewer without a common one among them may be the name of a file
_COMMON = frozenset(
    """a about am an and any are as at be been but by can could did do does for from had has have how i if in
    into is it its me my of on or our shall should so tell than that the their them then there these they
    this those to was we were what when where which who whom whose why will with would you your""".split()
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """FTS5 expressions for a query, each possibly missing.

    `words`: any of its words; `pairs`: any pair of characters of scripts without spaces. What must not be
    missed: `phrases` from quotation marks, `codes` like "POL-358", `files` by name. `terms`: the words alone.
    `names`: for parts of the names of files, as trigrams. `whole` are no expressions, but names of files as
    they stand.
    """

    words: str | None
    pairs: str | None
    phrases: tuple[str, ...]
    codes: tuple[str, ...]
    files: tuple[str, ...]
    terms: tuple[str, ...]
    names: tuple[str, ...]
    whole: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        return self.words is None


def understand(text: str) -> Wanted:
    text = text.replace("\0", " ")
    quoted = _PHRASE.findall(text)
    plain = _PHRASE.sub(" ", text)
    named = _FILE.findall(text)
    files = [_quoted(name) for name in named]
    names = [f'"{name}"' for name in named]
    words = _WORD.findall(text)
    if len(words) <= _LOOKUP and not _COMMON.intersection(map(str.lower, words)) and "?" not in text:
        files.append(_quoted(text))
        names.append(" AND ".join(f'"{word}"' for word in words if len(word) >= _TRIGRAM))
    return Wanted(
        match_expression(text),
        segments.match_expression(text),
        _some(phrase for phrase in map(_quoted, quoted) if " " in phrase),
        _some(_quoted(code) for code in _CODE.findall(plain)),
        _some(f"name : {name}" for name in files if name),
        tuple(dict.fromkeys(words)),
        _some(f"name : ({name})" for name in names if name),
        _some([text.strip(), *(part.strip() for part in quoted), *_WHOLE.findall(text)]),
    )


def match_expression(text: str) -> str | None:
    """An FTS5 MATCH expression for `text`, or None if it holds no word.

    Any word may match. What the person put in quotation marks, and names like "POL-358" or "main.py", also
    count as phrases. Common English words count only if there are no others.
    """
    text = text.replace("\0", " ")
    words = _WORD.findall(text)
    terms = ([word for word in words if word.lower() not in _COMMON] or words)[:_MOST_WORDS]
    names = [part for part in _PHRASE.sub(" ", text).split() if _NAME.search(part)]
    joined = dict.fromkeys(" ".join(_WORD.findall(part)) for part in _PHRASE.findall(text) + names)
    terms += [phrase for phrase in joined if " " in phrase][:_MOST_PHRASES]
    return " OR ".join(f'"{term}"' for term in terms) or None


def every_word(text: str) -> str:
    """An FTS5 expression for passages that hold each word of `text`, common ones aside; empty without any."""
    words = _WORD.findall(text.replace("\0", " "))
    kept = [word for word in words if word.lower() not in _COMMON] or words
    return " AND ".join(f'"{word}"' for word in kept[:_MOST_WORDS])


def _quoted(text: str) -> str:
    """The words of `text` as one phrase; empty if there are none."""
    words = " ".join(_WORD.findall(text))
    return f'"{words}"' if words else ""


def _some(expressions: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, expressions)))[:_MOST_PHRASES]
