"""What an index that is to be replaced hands over: text of files that cannot be read again just now.

A disk is away, a file is in the cloud only, or it may not be looked at: what was read of it is taken over as
it stands, without vectors, and read again once it can be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from engine.library import writer
from engine.library.scan import Scan
from engine.library.writer import Known
from engine.store.database import Database

_DOCUMENT = (
    "path, name, size, mtime_ns, inode, state, reason, detail, sha256, kind, title, dated, pages, passages,"
    " redacted, indexed_at, scans, recognised, hidden"
)
_PASSAGE = 'ordinal, start, "end", page, heading, header, text_hash'


def out_of_reach(serving: Database, found: Scan, ledger: dict[str, Known]) -> list[str]:
    """Paths with text in `serving` that the scan `found` could not look at.

    `ledger` is that of the roots that were scanned, without what was removed or left out since.
    """
    away = [root for root in found.unavailable if root not in found.gone]
    paths = [path for path, known in writer.known(serving, away) if known.has_text]
    for path, known in ledger.items():
        entry = found.entries.get(path)
        if known.has_text and (entry is None or entry.reason):
            paths.append(path)
    return paths


def take_over(source: Database, target: Database, paths: Iterable[str], look: Callable[[], None]) -> None:
    """Copy documents, with what lies in them, that have no text in `target`; each is one transaction.

    `look` is called before each, and may raise.
    """
    for path in paths:
        look()
        there = target.one("SELECT id, state IN ('words', 'meaning') FROM documents WHERE path = ?", (path,))
        if there is not None and there[1]:
            continue
        (document,) = source.execute("SELECT id FROM documents WHERE path = ?", (path,))[0]
        with target.transaction():
            writer.delete(target, [there[0]] if there else [])
            _copy(source, target, document, None)


def _copy(source: Database, target: Database, document: int, parent: int | None) -> None:
    """No reader's name goes along, so that it counts as read by an earlier one."""
    (values,) = source.execute(f"SELECT {_DOCUMENT} FROM documents WHERE id = ?", (document,))
    new = target.insert(
        f"INSERT INTO documents ({_DOCUMENT}, parent) VALUES ({_marks(len(values))}, ?)", (*values, parent)
    )
    # Its passages, if it has any, have no vectors yet.
    pending = "UPDATE documents SET state = 'words' WHERE id = ? AND state = 'meaning' AND passages > 0"
    target.execute(pending, (new,))
    for (text,) in source.execute("SELECT text FROM texts WHERE document = ?", (document,)):
        target.execute("INSERT INTO texts VALUES (?, ?)", (new, text))
    for names in source.execute("SELECT name, title FROM names WHERE rowid = ?", (document,)):
        target.execute("INSERT INTO names (rowid, name, title) VALUES (?, ?, ?)", (new, *names))
    passages = f"SELECT id, {_PASSAGE} FROM passages WHERE document = ?"
    for passage, *row in source.execute(passages, (document,)):
        copied = target.insert(
            f"INSERT INTO passages (document, {_PASSAGE}) VALUES (?, {_marks(len(row))})", (new, *row)
        )
        for table, columns in (("words", "name, title, heading, body"), ("segments", "body")):
            for texts in source.execute(f"SELECT {columns} FROM {table} WHERE rowid = ?", (passage,)):
                into = f"INSERT INTO {table} (rowid, {columns}) VALUES (?, {_marks(len(texts))})"
                target.execute(into, (copied, *texts))
    for (child,) in source.execute("SELECT id FROM documents WHERE parent = ?", (document,)):
        _copy(source, target, child, new)


def _marks(count: int) -> str:
    return ", ".join("?" * count)
