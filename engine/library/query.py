"""What a person typed, as an FTS5 expression: every text is legal, and none of it is syntax."""

from __future__ import annotations

import re

_PHRASE = re.compile(r'"([^"]*)"')
_WORD = re.compile(r"[^\W_]+")
# What marks a number, file name or address; plain hyphens ("high-speed") made ranking worse as phrases.
_NAME = re.compile(r"[\d_./\\@:]")
# A pasted page is searched by its first words: each term costs a walk over all passages that hold it. Words
# may repeat, for what a text says often it is about: nDCG@10 on three collections .374 .397 .432, else .368
# .345 .433. Leaving out common words costs nothing there and makes the search two to ten times as fast.
_MOST_WORDS = 48
_MOST_PHRASES = 16
_COMMON = frozenset(
    """a about am an and any are as at be been but by can could did do does for from had has have how i if in
    into is it its me my of on or our shall should so tell than that the their them then there these they
    this those to was we were what when where which who whom whose why will with would you your""".split()
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
