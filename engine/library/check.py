"""Whether the tables of index.db agree with each other, and mending them where they do not.

They can only disagree by a flaw of ours or of the disk: every change is one transaction. So each run counts,
and all rows are compared once a day, and after a run that did not come to its end.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from engine.library import vectors, writer
from engine.library.scan import Entry
from engine.store.database import Database

_DAY = 86_400.0
# Tables are compared by ids alone: `words_docsize` and `vectors_rowids` are the extensions' own lists.
_COUNTS = {
    "documents": "SELECT count(*) FROM documents",
    "texts": "SELECT count(*) FROM texts",
    "passages": "SELECT count(*) FROM passages",
    "words": "SELECT count(*) FROM words_docsize",
    "vectors": "SELECT count(*) FROM vectors_rowids",
    "pending": "SELECT count(*) FROM passages WHERE embedded = 0",
}
_WITHOUT_PASSAGE = (
    "SELECT id FROM words_docsize AS w WHERE NOT EXISTS (SELECT 1 FROM passages WHERE id = w.id)"
)
_WITHOUT_FILE = (
    "SELECT id FROM documents AS d WHERE parent IS NOT NULL"
    " AND NOT EXISTS (SELECT 1 FROM documents WHERE id = d.parent)"
)
_INCOMPLETE = """
    SELECT document FROM passages AS p WHERE NOT EXISTS (SELECT 1 FROM words_docsize WHERE id = p.id)
    UNION
    SELECT id FROM documents AS d WHERE passages <> (SELECT count(*) FROM passages WHERE document = d.id)
    UNION
    SELECT id FROM documents AS d WHERE state IN ('words', 'meaning')
        AND NOT EXISTS (SELECT 1 FROM texts WHERE document = d.id)
    UNION
    SELECT document FROM texts AS t
        WHERE NOT EXISTS (SELECT 1 FROM documents WHERE id = t.document AND state IN ('words', 'meaning'))
"""
_MISNAMED = """
    UPDATE documents SET state = iif(state = 'words', 'meaning', 'words')
    WHERE state IN ('words', 'meaning')
        AND (state = 'words') <> EXISTS (
            SELECT 1 FROM passages WHERE document = documents.id AND embedded = 0
        )
"""
# An index that was made before such files had their names in it.
_UNNAMED = """
    INSERT INTO names (rowid, name, title)
    SELECT id, name, '' FROM documents INDEXED BY documents_problems
    WHERE state IN ('skipped', 'failed') AND reason IN (SELECT value FROM json_each(?))
        AND id NOT IN (SELECT id FROM names_docsize)
"""


@dataclass(frozen=True)
class Checked:
    """Rows by table, and how many were mended. Files that are to be read again for that wait now."""

    rows: dict[str, int] = field(default_factory=dict)
    mended: int = 0


def begin(database: Database, now: float) -> Checked:
    """Check at the beginning of a run, at Unix time `now`, and note that it has begun."""
    notes: dict[str, str] = dict(
        database.execute("SELECT key, value FROM meta WHERE key IN ('checked', 'running')")
    )
    since = now - float(notes.get("checked", "-inf"))
    thorough = "running" in notes or not 0 <= since < _DAY
    checked = check(database, thorough=thorough)
    noted = [("running", "1"), *([("checked", str(now))] if thorough else [])]
    with database.transaction():
        database.many(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", noted
        )
    return checked


def end(database: Database) -> dict[str, int]:
    """Rows by table at the end of a run. If they do not agree, it ends like one that was cut short."""
    rows = count(database)
    if _agree(rows):
        database.execute("DELETE FROM meta WHERE key = 'running'")
    return rows


def check(database: Database, *, thorough: bool = True) -> Checked:
    """Count, and look for rows that nothing belongs to. Without `thorough` only where the counts disagree."""
    rows = count(database)
    if _agree(rows) and not thorough:
        return Checked(rows)
    with database.transaction():
        mended = _mend(database)
    return Checked(count(database) if mended else rows, mended)


def count(database: Database) -> dict[str, int]:
    """Rows by table. passages = words = vectors + pending."""
    found = {}
    for name, sql in _COUNTS.items():
        row = database.one(sql)
        found[name] = int(row[0]) if row else 0
    return found


def _agree(rows: dict[str, int]) -> bool:
    return rows["passages"] == rows["words"] == rows["vectors"] + rows["pending"]


def _mend(database: Database) -> int:
    stray = database.execute(_WITHOUT_PASSAGE)
    database.many("DELETE FROM words WHERE rowid = ?", stray)
    orphans = [row[0] for row in database.execute(_WITHOUT_FILE)]
    writer.delete(database, orphans)
    incomplete = [row[0] for row in database.execute(_INCOMPLETE)]
    for document in incomplete:
        _set_waiting(database, document)
    lost = vectors.mend(database)
    database.execute(_MISNAMED)
    mended = len(stray) + len(orphans) + len(incomplete) + lost + database.changes
    database.execute(_UNNAMED, (json.dumps(sorted(writer.NAMED)),))
    return mended


def _set_waiting(database: Database, document: int) -> None:
    """Take back what is stored of a file, or of the file a member lies in."""
    row = database.one(
        "SELECT path, mtime_ns FROM documents WHERE id ="
        " (SELECT coalesce(parent, id) FROM documents WHERE id = ?)",
        (document,),
    )
    if row is None:  # a text of no document, or a member that went with its file just now
        database.execute("DELETE FROM texts WHERE document = ?", (document,))
        return
    writer.settle(database, Entry(row[0], "", size=-1, mtime_ns=row[1]), "waiting")
