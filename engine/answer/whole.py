"""Questions that no passage answers, for they are about all of the files, or about all of one."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path, PurePath

from engine.answer.collection import asking, reply
from engine.answer.orders import without_orders
from engine.answer.summary import Source, Summariser
from engine.contracts import Answer, Passage
from engine.library import catalogue, schema, search
from engine.library.catalogue import Item, Selection
from engine.library.within import Within
from engine.store.database import Database, storable

_SUMMARISE = re.compile(
    r"(?:please |can you |could you )*(?:summari[sz]e|sum up|tl;?dr:?|(?:give me|write|make|i want|i need) "
    r"(?:a |an )?(?:short |brief |quick )?summary of|what is the gist of)\s+(?P<what>.+)",
    re.IGNORECASE,
)
_THIS = re.compile(
    r"(?:this|that|the)(?: (?:file|document|note|mail|email|pdf|page|text|one))?(?: for me)?|it(?: for me)?",
    re.IGNORECASE,
)
_ALL = re.compile(
    r"(?:this|the) folder|(?:all )?(?:of )?(?:my|the|these) (?:files|documents)|everything", re.IGNORECASE
)
_NAMED = re.compile(
    r"(?:(?:the|my|our|this) )?(?:(?:file|document|note|mail|pdf|folder|text) )?(?P<name>.+?)"
    r"(?: (?:file|document|note|folder))?(?: for me)?",
    re.IGNORECASE,
)
_MOST_FILES = 500


@dataclass(frozen=True)
class Asked:
    """A question and what it may be about: a folder or file that limits it, the document under discussion."""

    question: str
    within: str | None = None
    document: str | None = None


def answer(
    database: Database, asked: Asked, summariser: Callable[[], Summariser], today: date | None = None
) -> Answer | None:
    """The answer to a question about files as a whole, or a summary; None to any other question.

    Raises Cancelled. `summariser` is called only for a summary.
    """
    asked = replace(asked, question=" ".join(storable(asked.question).split()))
    today = today or date.today()
    with schema.diagnosed(database):
        found = reply.answer(database, asked.question, asked.within, today)
        if found is None and (target := _target(database, asked, today)):
            title, sources = target
            found = summariser().summarise(sources, title) if sources else None
        if found is None:
            return None
        within = Within(Path(asked.within) if asked.within else None)
        searched, total = search.counts(database, within)
    return replace(found, searched_files=searched, total_files=total)


def _target(database: Database, asked: Asked, today: date) -> tuple[str, list[Source]] | None:
    """What is to be summarised: its name and documents; None where nothing is, or it is not clear what."""
    match = _SUMMARISE.fullmatch(asked.question.rstrip(" ?.!"))
    if match is None:
        return None
    what, within = match["what"], asked.within
    with database.snapshot():
        if _THIS.fullmatch(what):
            here = next((catalogue.at(database, path) for path in (asked.document, within) if path), None)
            return (here.name, _sources(database, [here])) if here else None
        if _ALL.fullmatch(what):
            name = PurePath(within).name if within else "Your files"
            return name, _sources(database, _files(database, Selection(within=within, members=False)))
        name = _name(what)
        if len(named := catalogue.named(database, name, within)) == 1:
            return named[0].name, _sources(database, named)
        if folders := catalogue.folders(database, name, within):
            chosen = Selection(folders=tuple(folders), within=within)
            return name, _sources(database, _files(database, chosen))
        files = asking.understand(
            f"list {what}", today, lambda n: bool(catalogue.folders(database, n, within))
        )
        if files is None or files.aim != "list":
            return None
        chosen = reply.selection(database, files, within)
        return what[:1].upper() + what[1:], _sources(database, _files(database, chosen))


def _name(what: str) -> str:
    match = _NAMED.fullmatch(what)
    return (match["name"] if match else what).strip("\"'“”‘’`")


def _files(database: Database, chosen: Selection) -> list[Item]:
    return catalogue.items(database, chosen, "named", _MOST_FILES)


def _sources(database: Database, items: list[Item]) -> list[Source]:
    return [Source(item.name, without_orders(_passages(database, item))) for item in items]


def _passages(database: Database, item: Item) -> list[Passage]:
    return [
        Passage(
            rank=rank,
            path=item.path,
            page=part.page,
            heading=part.heading,
            text=part.text,
            start=part.start,
            end=part.end,
            score=0.0,
            title=item.title,
            sha256=item.sha256,
            reader=item.reader,
        )
        for rank, part in enumerate(catalogue.parts(database, item.id), 1)
    ]
