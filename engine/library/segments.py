"""Words of scripts that put no spaces between them: Chinese, Japanese, Thai and others, and Korean.

Each run of such script is indexed and searched as its overlapping pairs of characters, which finds words of
two characters too (FTS5's trigrams would not): the way without a dictionary, as in Lucene's CJKAnalyzer.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_RUN = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff"
    "\U00020000-\U0003134f]+"
)
_MOST = 48  # pairs of a query that are looked up


def segmented(text: str) -> str:
    """The pairs in `text`, parted by spaces; empty if all of its scripts have spaces."""
    return " ".join(_pairs(text))


def match_expression(text: str) -> str | None:
    """An FTS5 expression for any pair of `text`; None if it has none."""
    pairs = list(dict.fromkeys(_pairs(text)))[:_MOST]
    return " OR ".join(f'"{pair}"' if len(pair) > 1 else f'"{pair}"*' for pair in pairs) or None


def _pairs(text: str) -> Iterator[str]:
    if text.isascii():
        return
    for run in _RUN.findall(unicodedata.normalize("NFKC", text)):
        yield from (run[at : at + 2] for at in range(max(1, len(run) - 1)))
