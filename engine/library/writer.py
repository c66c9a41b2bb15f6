"""Writes one document at a time into index.db: ledger row, text, passages and words in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import blake2b
from os.path import sep
from pathlib import Path
from typing import TypeVar

from engine.contracts import FileState
from engine.documents import dates, formats
from engine.documents.extract import Extract
from engine.documents.passages import PassageSpan
from engine.library import segments, vector_cache, vectors
from engine.library.scan import Entry
from engine.store.database import Database

T = TypeVar("T")

_TOGETHER = 200  # documents in one transaction where nothing depends on each other
# Why a file has no text that a person may look for by its name: what was left out on purpose is not found.
NAMED = frozenset(
    """cloud_only too_large archive_limit unsupported binary empty no_text no_words password
    damaged timeout memory crashed_reader""".split()
)

_MEMBERS = "parent IS NOT NULL AND state IN ('words', 'meaning')"
# One step down the index for each reader, however many members it read.
_READERS = f"""
    WITH RECURSIVE found (reader) AS (
        SELECT min(reader) FROM documents WHERE {_MEMBERS}
        UNION ALL
        SELECT (SELECT min(reader) FROM documents WHERE {_MEMBERS} AND reader > found.reader)
        FROM found WHERE found.reader IS NOT NULL
    )
    SELECT reader FROM found WHERE reader IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Known:
    """What the ledger says of a path."""

    id: int
    size: int
    mtime_ns: int
    inode: int
    state: FileState
    reason: str
    detail: str
    sha256: str
    reader: str

    @property
    def has_text(self) -> bool:
        return self.state in {"words", "meaning"}

    def at(self, entry: Entry) -> Known:
        """The same file where `entry` found it."""
        return replace(self, size=entry.size, mtime_ns=entry.mtime_ns, inode=entry.inode)


def known(database: Database, roots: Iterable[str]) -> Iterator[tuple[str, Known]]:
    """Paths and ledger rows of all files at or below `roots`; twice those of a root in another."""
    for root in roots:
        condition, params = below(root)
        yield from _known(database, f"parent IS NULL AND {condition}", params)


def held(database: Database, document: int) -> dict[str, Known]:
    """All ledger rows of what lies in a file, by path."""
    return dict(_known(database, "parent = ?", (document,)))


def _known(database: Database, condition: str, params: Sequence[object]) -> Iterator[tuple[str, Known]]:
    for path, *values in database.each(
        "SELECT path, id, size, mtime_ns, inode, state, reason, detail, sha256, reader FROM documents"
        f" WHERE {condition}",
        params,
    ):
        yield path, Known(*values)


def below(root: str, column: str = "path") -> tuple[str, tuple[str, ...]]:
    """A condition on documents for `root`, what lies below it, and (it being a file) in it; its parameters.

    The index on paths serves it.
    """
    first = root if root.endswith(sep) else root + sep
    between = f"({column} >= ? AND {column} < ?)"
    parent = column.removesuffix("path") + "parent"
    return f"({column} = ? OR {between} OR ({parent} IS NOT NULL AND {between}))", (
        root,
        first,
        first[:-1] + chr(ord(sep) + 1),
        f"{root}!/",
        f"{root}!0",  # the next character after "/"
    )


def settle(
    database: Database,
    entry: Entry,
    state: FileState,
    reason: str = "",
    detail: str = "",
    reader: str = "",
    parent: int | None = None,
    scans: int = 0,
) -> None:
    """Put a path into a state without text; text it had is removed, what lay in it too. `reader`: who would
    read it today.

    `scans`: its pages that wait to be recognised. Its name can be searched for, except where a rule or a
    secret keeps it out.
    """
    path = Path(entry.path)
    with database.transaction():
        if (earlier := _earlier(database, entry)) is not None:
            _clear(database, earlier)
        (document,) = database.execute(
            """
            INSERT INTO documents (path, name, size, mtime_ns, inode, state, reason, detail, reader, kind,
                                   indexed_at, parent, scans)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (path) DO UPDATE SET
                size = excluded.size, mtime_ns = excluded.mtime_ns, inode = excluded.inode,
                state = excluded.state, reason = excluded.reason, detail = excluded.detail,
                reader = excluded.reader, indexed_at = excluded.indexed_at, sha256 = '', kind = excluded.kind,
                title = '', dated = '', pages = NULL, passages = 0, redacted = 0, scans = excluded.scans,
                recognised = 0, hidden = 0
            RETURNING id
            """,
            (entry.path, path.name, entry.size, entry.mtime_ns, entry.inode, state, reason, detail, reader,
             formats.KINDS.get(formats.extension_of(path), ""), _now(), parent, scans),
        )[0]  # fmt: skip
        if reason in NAMED:
            database.execute(
                "INSERT INTO names (rowid, name, title) VALUES (?, ?, '')", (document, path.name)
            )


def touch(database: Database, document: int, entry: Entry) -> None:
    """The file was written anew with the same content."""
    database.execute(
        "UPDATE documents SET size = ?, mtime_ns = ?, inode = ? WHERE id = ?",
        (entry.size, entry.mtime_ns, entry.inode, document),
    )


def expect(database: Database, entries: Iterable[Entry]) -> None:
    """Show paths that are new as waiting."""
    now = _now()
    database.many(
        "INSERT INTO documents (path, name, size, mtime_ns, inode, state, indexed_at)"
        " VALUES (?, ?, ?, ?, ?, 'waiting', ?) ON CONFLICT DO NOTHING",
        [(e.path, Path(e.path).name, e.size, e.mtime_ns, e.inode, now) for e in entries],
    )


def holding_outdated(database: Database) -> set[int]:
    """Files that hold something with text that would be read otherwise today."""
    readers = [reader for (reader,) in database.execute(_READERS) if not formats.is_current(reader)]
    sql = f"SELECT DISTINCT parent FROM documents WHERE {_MEMBERS} AND reader = ?"
    return {parent for reader in readers for (parent,) in database.execute(sql, (reader,))}


def holding_unread(database: Database) -> set[int]:
    """Files that hold something without text."""
    sql = (
        "SELECT DISTINCT parent FROM documents WHERE parent IS NOT NULL AND state NOT IN ('words', 'meaning')"
    )
    return {parent for (parent,) in database.execute(sql)}


def distrust(database: Database, document: int) -> None:
    """The file is not all there, or changed while it was read: the next run reads it again."""
    database.execute("UPDATE documents SET size = -1, sha256 = '' WHERE id = ?", (document,))


def trust(database: Database, document: int, entry: Entry, sha256: str) -> None:
    """All of the file is there, and what lies in it."""
    with database.transaction():
        touch(database, document, entry)
        database.execute("UPDATE documents SET sha256 = ? WHERE id = ?", (sha256, document))
        database.execute("UPDATE documents SET mtime_ns = ? WHERE parent = ?", (entry.mtime_ns, document))


def note(database: Database, path: str, detail: str) -> None:
    """Nothing of the document waits to be recognised any longer; `detail` says what could not be."""
    database.execute("UPDATE documents SET scans = 0, detail = ? WHERE path = ?", (detail, path))


def move(database: Database, document: int, old: str, entry: Entry, folder: str) -> None:
    """Give a document, and what lies in it, another path. Nothing is read or embedded again.

    Its vectors stay, though the folder's name was embedded with the text: it says little beside the text, and
    renaming a folder of thousands of files must not cost hours. The words are those of the new place.
    """
    name = Path(entry.path).name
    with database.transaction():
        database.execute("UPDATE documents SET path = ?, name = ? WHERE id = ?", (entry.path, name, document))
        touch(database, document, entry)
        database.execute(
            "UPDATE documents SET path = ? || substr(path, ?) WHERE parent = ?",
            (entry.path, len(old) + 1, document),
        )
        database.execute(
            "UPDATE words SET name = ?, heading = (SELECT heading FROM passages WHERE id = words.rowid) || ?"
            " WHERE rowid IN (SELECT id FROM passages WHERE document = ?)",
            (name, f" {folder}", document),
        )
        database.execute(
            "UPDATE words SET heading = (SELECT heading FROM passages WHERE id = words.rowid) || ?"
            " WHERE rowid IN (SELECT p.id FROM passages AS p JOIN documents AS d ON d.id = p.document"
            " WHERE d.parent = ?)",
            (f" {inside(folder, name)}", document),
        )
        database.execute("UPDATE names SET name = ? WHERE rowid = ?", (name, document))
        _segment(database, document)


def inside(folder: str, name: str) -> str:
    """The folder of what lies in the file `name` of `folder`: two names, as everywhere."""
    return "/".join((*folder.split("/")[-1:], name))


def write(
    database: Database,
    entry: Entry,
    extract: Extract,
    spans: Sequence[PassageSpan],
    *,
    sha256: str,
    folder: str,
    parent: int | None = None,
) -> tuple[int, FileState]:
    """Replace what is stored of a file, or of a member of the file `parent`, by `extract`; its id and state.

    It is searchable by words once this returns. Passages that stand in it as before keep their vectors; what
    lies in the file stays.
    """
    with database.transaction():
        if (earlier := _earlier(database, entry)) is not None:
            _clear_text(database, earlier)
        (document,) = database.execute(
            """
            INSERT INTO documents (path, name, size, mtime_ns, inode, state, sha256, kind, title, dated,
                                   reader, pages, passages, redacted, indexed_at, parent, scans, recognised,
                                   hidden)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (path) DO UPDATE SET
                size = excluded.size, mtime_ns = excluded.mtime_ns, inode = excluded.inode,
                state = excluded.state, reason = '', detail = '', sha256 = excluded.sha256,
                kind = excluded.kind, title = excluded.title, dated = excluded.dated,
                reader = excluded.reader, pages = excluded.pages, passages = excluded.passages,
                redacted = excluded.redacted,
                indexed_at = excluded.indexed_at, scans = excluded.scans,
                recognised = excluded.recognised, hidden = excluded.hidden
            RETURNING id
            """,
            (entry.path, Path(entry.path).name, entry.size, entry.mtime_ns, entry.inode,
             "words", sha256, extract.kind, extract.title, dates.of_document(extract.kind, extract.metadata),
             extract.reader, extract.pages, len(spans), extract.redacted, _now(), parent,
             extract.scans, len(extract.recognised), extract.hidden),
        )[0]  # fmt: skip
        database.execute("INSERT INTO texts VALUES (?, ?)", (document, extract.text))
        database.execute(
            "INSERT INTO names (rowid, name, title) VALUES (?, ?, ?)",
            (document, Path(entry.path).name, extract.title),
        )
        _replace_passages(database, document, entry, extract, spans, folder)
        mark_meaning(database, [document])
        (state,) = database.execute("SELECT state FROM documents WHERE id = ?", (document,))[0]
    return document, state


def parts(items: Sequence[T], look: Callable[[], None] = lambda: None) -> Iterator[Sequence[T]]:
    """What may go into one transaction each; `look` is called before each, and may raise."""
    for start in range(0, len(items), _TOGETHER):
        look()
        yield items[start : start + _TOGETHER]


def delete(database: Database, documents: Sequence[int], look: Callable[[], None] = lambda: None) -> None:
    """Remove documents and all that was made of them; `look` as for `parts`."""
    for part in parts(documents, look):
        with database.transaction():
            for document in part:
                _clear(database, document)
                database.execute("DELETE FROM documents WHERE id = ?", (document,))
    # Once, for it waits for the disk. What `look` cut short the next job erases before all else.
    vector_cache.erase(database)


def mark_meaning(database: Database, documents: Iterable[int]) -> None:
    """Documents whose passages all have vectors are searchable by meaning."""
    database.many(
        "UPDATE documents SET state = 'meaning' WHERE id = ? AND state = 'words' AND NOT EXISTS"
        " (SELECT 1 FROM passages WHERE document = documents.id AND embedded = 0)",
        [(document,) for document in documents],
    )


def _replace_passages(
    database: Database,
    document: int,
    entry: Entry,
    extract: Extract,
    spans: Sequence[PassageSpan],
    folder: str,
) -> None:
    """Write the passages of a document. Those that are found and embedded as before only change their place:
    a line added to a long file must not cost the vectors of all the others.
    """
    name = Path(entry.path).name
    earlier: dict[tuple[str, ...], list[int]] = {}
    for passage, *as_found in database.execute(
        "SELECT p.id, p.header, w.name, w.title, w.heading, w.body"
        " FROM passages AS p JOIN words AS w ON w.rowid = p.id WHERE p.document = ? ORDER BY p.ordinal DESC",
        (document,),
    ):
        earlier.setdefault(tuple(as_found), []).append(passage)
    kept, new = [], []
    for ordinal, span in enumerate(spans):
        heading = " > ".join(span.headings)
        body = extract.text[span.start : span.end]
        texts = (name, extract.title, f"{heading} {folder}", body)
        place = (ordinal, span.start, span.end, span.page, heading)
        if same := earlier.get((span.header, *texts)):
            kept.append((*place, same.pop()))
        else:
            new.append((place, span.header, texts))
    database.execute("UPDATE passages SET ordinal = -1 - ordinal WHERE document = ?", (document,))
    _remove_passages(database, document, {row[-1] for row in kept})
    database.many(
        'UPDATE passages SET ordinal = ?, start = ?, "end" = ?, page = ?, heading = ? WHERE id = ?', kept
    )
    for place, header, texts in new:
        passage = database.insert(
            'INSERT INTO passages (document, ordinal, start, "end", page, heading, header, text_hash)'
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (document, *place, header, text_hash(texts[-1])),
        )
        database.execute(
            "INSERT INTO words (rowid, name, title, heading, body) VALUES (?, ?, ?, ?, ?)", (passage, *texts)
        )
        _, title, _, body = texts
        if pairs := segments.segmented(f"{name} {title} {place[-1]} {body}"):
            database.execute("INSERT INTO segments (rowid, body) VALUES (?, ?)", (passage, pairs))


def _remove_passages(database: Database, document: int, keep: Collection[int] = ()) -> None:
    vectors.delete(database, document, keep)
    rows = database.execute("SELECT id FROM passages WHERE document = ?", (document,))
    gone = [row for row in rows if row[0] not in keep]
    for table, key in (("words", "rowid"), ("segments", "rowid"), ("passages", "id")):
        database.many(f"DELETE FROM {table} WHERE {key} = ?", gone)


def _segment(database: Database, document: int) -> None:
    """Make the pairs of characters of its passages anew, for its name has changed."""
    passages = "(SELECT id FROM passages WHERE document = ?)"
    database.execute(f"DELETE FROM segments WHERE rowid IN {passages}", (document,))
    for passage, *texts in database.execute(
        f"SELECT rowid, name, title, heading, body FROM words WHERE rowid IN {passages}", (document,)
    ):
        if pairs := segments.segmented(" ".join(texts)):
            database.execute("INSERT INTO segments (rowid, body) VALUES (?, ?)", (passage, pairs))


def text_hash(body: str) -> bytes:
    """Equal for passages that read the same; white space does not count."""
    return blake2b(" ".join(body.split()).encode(), digest_size=16).digest()


def _earlier(database: Database, entry: Entry) -> int | None:
    """The id of the document at a path. Pages recognised stay as long as the file is the same."""
    row = database.one("SELECT id, size, mtime_ns FROM documents WHERE path = ?", (entry.path,))
    if row is None:
        return None
    if row[1:] != (entry.size, entry.mtime_ns):
        database.execute("DELETE FROM recognised_pages WHERE file = ?", (row[0],))
    return int(row[0])


def _clear(database: Database, document: int) -> None:
    """Remove all that was made of a document, and all that lies in it."""
    for (child,) in database.execute("SELECT id FROM documents WHERE parent = ?", (document,)):
        _clear(database, child)
        database.execute("DELETE FROM documents WHERE id = ?", (child,))
    _remove_passages(database, document)
    _clear_text(database, document)


def _clear_text(database: Database, document: int) -> None:
    database.execute("DELETE FROM names WHERE rowid = ?", (document,))
    database.execute("DELETE FROM texts WHERE document = ?", (document,))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
