"""Questions that no passage answers, for they are about all of the files, or all of one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

from engine.answer.collection import reply
from engine.contracts import Answer
from engine.library import schema, search
from engine.library.within import Within
from engine.store.database import Database, storable


def answer(database: Database, question: str, within: str | None, today: date | None = None) -> Answer | None:
    """The answer to such a question, None to any other. `within` limits it to a folder or file."""
    question = storable(question)
    with schema.diagnosed(database):
        found = reply.answer(database, question, within, today or date.today())
        if found is None:
            return None
        searched, total = search.counts(database, Within(Path(within) if within else None))
    return replace(found, searched_files=searched, total_files=total)
