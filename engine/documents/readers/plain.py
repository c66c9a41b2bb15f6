"""Plain text: the file is the text."""

from __future__ import annotations

from engine.documents.extract import Draft


def read(text: str) -> Draft:
    return Draft(text)
