"""Is a question about the files themselves, and what does it ask of them? By rule, in English.

"How many notes about the boat did I write in May?" is one, "how many eggs does the cake need?" is not. A
wrong route is worse than none: a question is taken only if each of its words is understood. It begins by
asking for files, and what follows must be conditions on them, up to the end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from engine.answer.collection.periods import ANY_TIME, Period, period
from engine.answer.terms import keys, number_word
from engine.documents import formats

Aim = Literal["count", "list", "newest", "oldest", "changed", "largest", "smallest"]

LISTED = 20
_SOME = 5  # "the newest files"
_LONGEST = 300  # code points; nobody asks such a question at length
_LONGEST_TOPIC = 8  # words
_LONGEST_NAME = 3

# What people call files -> the kinds of `formats` that it means; none: all of them.
_NOUNS: dict[str, tuple[str, ...]] = {
    "file": (),
    "document": (),
    "doc": (),
    "note": ("markdown", "text"),
    "markdown file": ("markdown",),
    "markdown note": ("markdown",),
    "text file": ("text",),
    "pdf": ("pdf",),
    "pdf file": ("pdf",),
    "pdf document": ("pdf",),
    "mail": ("mail",),
    "email": ("mail",),
    "e-mail": ("mail",),
    "photo": ("image",),
    "photograph": ("image",),
    "picture": ("image",),
    "image": ("image",),
    "image file": ("image",),
    "spreadsheet": ("sheet", "table"),
    "excel file": ("sheet",),
    "presentation": ("slides",),
    "powerpoint file": ("slides",),
    "slide deck": ("slides",),
    "word document": ("word",),
    "word file": ("word",),
    "e-book": ("book",),
    "ebook": ("book",),
    "web page": ("html",),
    "jupyter notebook": ("notebook",),
    "archive": ("archive",),
    "video": ("film",),
    "video file": ("film",),
    "audio file": ("sound",),
    "sound file": ("sound",),
    "source file": ("code",),
    "code file": ("code",),
}
_WRITTEN_KINDS = ("markdown", "text", "word", "notebook", "slides")  # what a person writes, mails aside
_LANGUAGES = {
    "python": "py",
    "javascript": "js",
    "typescript": "ts",
    "rust": "rs",
    "ruby": "rb",
    "shell": "sh",
}
UNREAD_KINDS = {"image", "film", "sound", "archive"}  # they count although nobody reads them

_NAMES = "|".join(sorted((re.escape(noun) + "s?" for noun in _NOUNS), key=len, reverse=True))
_NOUN = rf"(?P<noun>\.?\w{{1,10}} (?:files?|documents?)|{_NAMES})\b"
_MINE = r"(?:(?:of )?(?:my|our|the|these|those|all|any|different)\s+)*"
_BE = r"(?:is|are|was|were|'s|’s)"
_MOST = (
    r"(?:the\s+|my\s+|our\s+)*(?:(?P<many>\d{1,3}|two|three|four|five|six|seven|eight|nine|ten)\s+)?"
    r"(?P<most>newest|latest|most recent|most recently (?:changed|modified|edited|updated)|last|oldest|"
    r"earliest|largest|biggest|smallest)(?:\s+(?P<after>\d{1,3}|two|three|four|five|six|seven|eight|nine|ten))?"
)
_SHOW = r"(?:list|show|name|give|find|tell)(?: me)?"
_OPENINGS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern, re.IGNORECASE))
    for name, pattern in (
        ("count", rf"how many {_MINE}{_NOUN}"),
        ("count", rf"(?:what {_BE} the |tell me the |the )?(?:total )?number of {_MINE}{_NOUN}"),
        ("count", rf"count (?:up )?{_MINE}{_NOUN}"),
        ("most", rf"(?:(?:what|which)\s*{_BE}|{_SHOW})?\s*{_MOST}\s+{_MINE}{_NOUN}"),
        ("most", rf"(?:which|what) {_MINE}{_NOUN}\s+{_BE}\s+{_MOST}$"),
        ("list", rf"(?:{_SHOW}|(?:what|which)\s*{_BE}) (?:a list of |the names of |every )?{_MINE}{_NOUN}"),
        ("list", rf"(?:which|what) {_MINE}{_NOUN}"),
        (
            "written",
            r"(?:what|which things) (?:did|have|had) (?:i|we) (?:been )?"
            r"(?:write|written|writing|note|noted)(?: down)?",
        ),
        (
            "changed",
            r"what(?: files)? (?:did|have|had) (?:i|we) (?:change|changed|edit|edited|modify|modified|"
            r"work on|"
            r"worked on|update|updated)|(?:what|which) files (?:have |were |was |has )?(?:been )?changed",
        ),
    )
)
_DO = r"(?:do|did|have|had|has)\s+(?:i|we)"
_VERBS = (
    r"(?:have|had|own|keep|got|stored?|saved?|written|wrote|write|made|make|created?|changed?|edit(?:ed)?|"
    r"modif(?:y|ied)|updated?|added?|take|taken|took|collect(?:ed)?)"
)
_FILLER = re.compile(
    rf"(?:{_DO}(?:\s+{_VERBS})?(?:\s+down)?|(?:that|which)?\s*(?:i|we)(?:'ve|’ve)?\s+{_VERBS}(?:\s+down)?|"
    r"(?:are|is|were|was) there|(?:(?:that|which) )?(?:are|is|were|was)(?= (?:about|in|from|under|inside|"
    r"stored|called|named|dated|written|changed|saved))|(?:in total|altogether|overall|so far|right now|now|"
    r"currently|please|of mine|at all|here)\b|(?:that )?(?:exist|there are)\b|"
    r"(?:stored|saved|written|created|changed|modified|edited|updated|added|taken|made|dated)\b|"
    r"(?:folder|directory)\b|(?:in|of) this folder\b|"
    r"(?:in|on) (?:my|the|this|our) (?:(?:whole|entire) )?(?:library|collection|computer|files|index|folders|"
    r"documents)\b)",
    re.IGNORECASE,
)
_CHANGED = re.compile(r"\b(?:chang|modif|edit|updat)", re.IGNORECASE)
_PLACE = re.compile(
    r"(?:in|under|inside|below|within|from)\s+(?:(?:my|the|our|this)\s+)?(?:(?:folder|directory)\s+)?",
    re.IGNORECASE,
)
_TOPIC = re.compile(
    r"(?:(?:that|which)\s+)?(?:talk(?:ing)?\s+|speak(?:ing)?\s+|deal(?:ing)?\s+)?"
    r"(?P<how>about|regarding|concerning|mention(?:s|ing)?|contain(?:s|ing)?(?: the words?)?|"
    r"with the words?|refer(?:s|ring)? to|related to|discuss(?:es|ing)?)\s+",
    re.IGNORECASE,
)
_ON = re.compile(r"on\s+(?!my\b|this\b|our\b)", re.IGNORECASE)
_CALLED = re.compile(
    r"(?:(?:that|which) are\s+)?(?:called|named)\s+[\"'“‘`]?(?P<name>[^\"'”’`]+?)[\"'”’`]?$", re.I
)
_SENDER = re.compile(r"(?:from|by)\s+(?:(?:the|my|our)\s+)?", re.IGNORECASE)
_POLITE = re.compile(
    r"(?:please|can you|could you|would you|hey|hi|hello|tell me|i want to know|do you know)[,\s]+",
    re.IGNORECASE,
)
_NO_TOPIC = re.compile(
    r"(?:to|it|this|that|them|these|those|him|her|what|how|when|who|which|why)\b", re.IGNORECASE
)


@dataclass(frozen=True)
class Conditions:
    """What follows the noun of a question: which of the files are meant."""

    period: Period = ANY_TIME
    changed: bool = False  # the period is one of changes, whatever a file says of itself
    folder: str = ""
    topic: str = ""
    name: str = ""
    sender: str = ""


@dataclass(frozen=True)
class Asked:
    """`noun` is what the files were called, in the singular; `kinds` and `extensions` are what that means."""

    aim: Aim
    noun: str
    kinds: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    many: int = LISTED
    where: Conditions = Conditions()


def understand(text: str, today: date, is_folder: Callable[[str], bool]) -> Asked | None:
    """What the question asks of the files; None where it is any other question."""
    text = " ".join(text.split()).rstrip(" ?.!")
    if len(text) > _LONGEST:
        return None
    while polite := _POLITE.match(text):
        text = text[polite.end() :]
    for opening, pattern in _OPENINGS:
        if (match := pattern.match(text)) and (asked := _opened(opening, match)):
            rest = text[match.end() :]
            if rest and not rest.startswith((" ", ",")):
                continue
            is_mail = "mail" in asked.kinds
            start = Conditions(changed=opening == "changed")
            where = next(_conditions(rest, start, today, is_folder, is_mail), None)
            if where is None:
                continue
            asked = replace(asked, where=where)
            # Without a time these are questions about what the files say.
            if opening not in {"written", "changed"} or where.period != ANY_TIME:
                return asked
    return None


def _opened(opening: str, match: re.Match[str]) -> Asked | None:
    if opening == "written":
        return Asked("list", "note or document", _WRITTEN_KINDS)
    if opening == "changed":
        return Asked("list", "file")
    word = match["noun"].lower()
    found = _noun(word)
    if found is None:
        return None
    noun, kinds, extensions = found
    is_plural = word != noun
    if opening != "most":
        # "Which document ..." and "show me the file ..." ask for one thing.
        return (
            Asked("count" if opening == "count" else "list", noun, kinds, extensions) if is_plural else None
        )
    most = match["most"].lower()
    aim: Aim = "newest"
    if "recently" in most and not most.endswith("recent"):
        aim = "changed"
    elif most in {"oldest", "earliest"}:
        aim = "oldest"
    elif most in {"largest", "biggest"}:
        aim = "largest"
    elif most == "smallest":
        aim = "smallest"
    many = number_word(match["many"] or match["after"] or "") or (_SOME if is_plural else 1)
    return Asked(aim, noun, kinds, extensions, min(many, LISTED))


def _noun(word: str) -> tuple[str, tuple[str, ...], tuple[str, ...]] | None:
    """Singular, kinds and extensions of a noun."""
    for noun in (word, word.removesuffix("s")):
        if noun in _NOUNS:
            return noun, _NOUNS[noun], ()
    first, _, last = word.partition(" ")
    extension = first.removeprefix(".")
    extension = _LANGUAGES.get(extension, extension)
    if extension in formats.KINDS and last.removesuffix("s") in {"file", "document"}:
        return f"{first} {last.removesuffix('s')}", (), (extension,)
    return None


def _conditions(
    text: str, where: Conditions, today: date, is_folder: Callable[[str], bool], is_mail: bool
) -> Iterator[Conditions]:
    """Every way to understand all of `text` as conditions, the likeliest first."""
    text = text.strip(" ,")
    if not text:
        yield where
        return

    def then(found: Conditions, end: int) -> Iterator[Conditions]:
        return _conditions(text[end:], found, today, is_folder, is_mail) if end else iter(())

    joined = re.match(r"and\s+", text)
    if joined and where not in (Conditions(), Conditions(changed=True)):
        yield from then(where, joined.end())
    if where.period == ANY_TIME and (days := period(text, today)) and _ends(text, days[1]):
        yield from then(replace(where, period=days[0]), days[1])
    filler = _FILLER.match(text)
    if filler and filler.end() and _ends(text, filler.end()):
        is_of_changes = where.changed or bool(_CHANGED.search(filler.group()))
        yield from then(replace(where, changed=is_of_changes), filler.end())
    if not where.folder and (place := _PLACE.match(text)):
        for name, end in _prefixes(text, place.end()):
            if len(name.split()) <= _LONGEST_TOPIC and is_folder(name):
                yield from then(replace(where, folder=name), end)
    if is_mail and not where.sender and (sender := _SENDER.match(text)):
        for name, end in _prefixes(text, sender.end()):
            if len(name.split()) <= _LONGEST_NAME:
                yield from then(replace(where, sender=name), end)
    if not where.name and (called := _CALLED.match(text)):
        yield replace(where, name=called["name"])
    topic = _TOPIC.match(text) or (_ON.match(text) if where == Conditions() else None)
    if topic and not where.topic:
        for name, end in _prefixes(text, topic.end()):
            if _is_topic(name):
                yield from then(replace(where, topic=name), end)


def _prefixes(text: str, start: int) -> Iterator[tuple[str, int]]:
    """Text from `start` to the end of each word, the shortest first."""
    for word in re.finditer(r"\S+", text[start:]):
        end = start + word.end()
        yield text[start:end].strip(" \"'“”‘’`"), end


def _is_topic(text: str) -> bool:
    return bool(keys(text)) and len(text.split()) <= _LONGEST_TOPIC and not _NO_TOPIC.match(text)


def _ends(text: str, at: int) -> bool:
    return at == len(text) or not text[at].isalnum()
