"""What a person typed, as an FTS5 expression: every text is legal, and none of it is syntax."""

from __future__ import annotations

import re

_PHRASE = re.compile(r'"([^"]*)"')
_WORD = re.compile(r"[^\W_]+")
# A pasted page is searched by its first words: each term costs a walk over all passages that hold it.
_MOST_TERMS = 48
_COMMON = frozenset(
    """a about am an and any are as at be been but by can could did do does for from had has have how i if in
    into is it its me my of on or our shall should so tell than that the their them then there these they
    this those to was we were what when where which who whom whose why will with would you your""".split()
)


def match_expression(text: str) -> str | None:
    """An FTS5 MATCH expression for `text`, or None if it holds no word.

    Any word may match; words that are written together ("POL-358", "don't") and what the person put in
    quotation marks also count as phrases. Common English words count only if there are no others.
    """
    text = text.replace("\0", " ")
    words = _WORD.findall(text)
    terms = [word for word in words if word.lower() not in _COMMON] or words
    phrases = _PHRASE.findall(text) + _PHRASE.sub(" ", text).split()
    terms += [" ".join(parts) for phrase in phrases if len(parts := _WORD.findall(phrase)) > 1]
    # The tokenizer folds case, so this removes most repetitions; the order stays.
    unique = list(dict.fromkeys(term.lower() for term in terms))[:_MOST_TERMS]
    return " OR ".join(f'"{term}"' for term in unique) or None
