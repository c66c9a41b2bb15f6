"""Text of files as the prompt shows it: it can forge neither another passage nor the end of the passages.

The prompt's own marks are `[n]` and a line that begins with `Question:`. In what comes from a file brackets
around a number become round ones, and such a line is quoted; characters nobody sees are left out. Special
tokens of the chat template cannot come from it either: contents are tokenised as plain text
(`engine/models/template.py`).
"""

from __future__ import annotations

import re

_UNSEEN = re.compile("[\u00ad\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]")
_OPEN, _CLOSE = "[\\[\uff3b\u3010\u27e6]", "[\\]\uff3d\u3011\u27e7]"
_NUMBER = re.compile(rf"{_OPEN}(\s*\d{{1,3}}(?:\s*[,;]\s*\d{{1,3}})*\s*){_CLOSE}")
_QUESTION = re.compile(r"^(?=[^\S\n]*question\s*[:\uff1a])", re.IGNORECASE | re.MULTILINE)


def fenced(text: str) -> str:
    """Text of a passage, without our marks."""
    plain = _NUMBER.sub(r"(\1)", _UNSEEN.sub("", text))
    return _QUESTION.sub("> ", plain)


def fenced_line(text: str) -> str:
    """A file's name or a heading: one line, without our marks. Names may hold new lines."""
    return fenced(" ".join(text.split()))
