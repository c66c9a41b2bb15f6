"""Writes one document at a time into index.db: ledger row, text, passages and words in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import blake2b
from os.path import sep
from pathlib import Path

from engine.contracts import FileState
from engine.documents import formats
from engine.documents.extract import Extract
from engine.documents.passages import PassageSpan
from engine.library import segments, vector_cache, vectors
from engine.library.scan import Entry
from engine.store.database import Database

_TOGETHER = 200  # documents in one transaction where nothing depends on each other
# Why a file has no text that a person may look for by its name: what was left out on purpose is not found.
NAMED = frozenset(
    """cloud_only too_large archive_limit unsupported binary empty no_text no_words password
    damaged timeout memory crashed_reader""".split()
)


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


def known(database: Database, roots: Iterable[str]) -> dict[str, Known]:
    """All ledger rows of files at or below `roots`, by path."""
    found: dict[str, Known] = {}
    for root in roots:
        condition, params = below(root)
        for path, *values in database.execute(
            "SELECT path, id, size, mtime_ns, inode, state, reason, detail, sha256, reader FROM documents"
            f" WHERE parent IS NULL AND {condition}",
            params,
        ):
            found[path] = Known(*values)
    return found


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
    """Put a path into a state without text; text it had is removed. `reader`: who would read it today.

    `scans`: its pages that wait to be recognised. Its name can be searched for, except where a rule or a
    secret keeps it out.
    """
    path = Path(entry.path)
    with database.transaction():
        _make_room(database, entry)
        (document,) = database.execute(
            """
            INSERT INTO documents (path, name, size, mtime_ns, inode, state, reason, detail, reader, kind,
                                   indexed_at, parent, scans)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (path) DO UPDATE SET
                size = excluded.size, mtime_ns = excluded.mtime_ns, inode = excluded.inode,
                state = excluded.state, reason = excluded.reason, detail = excluded.detail,
                reader = excluded.reader, indexed_at = excluded.indexed_at, sha256 = '', kind = excluded.kind,
                title = '', pages = NULL, passages = 0, redacted = 0, scans = excluded.scans, recognised = 0,
                hidden = 0
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


def members(database: Database) -> dict[int, set[tuple[str, FileState]]]:
    """By file that holds any: by which readers its members were read, and the states they are in."""
    found: dict[int, set[tuple[str, FileState]]] = {}
    for parent, reader, state in database.execute(
        "SELECT DISTINCT parent, reader, state FROM documents WHERE parent IS NOT NULL"
    ):
        found.setdefault(parent, set()).add((reader, state))
    return found


def distrust(database: Database, document: int) -> None:
    """The file changed while it was read: the next run reads it again."""
    database.execute("UPDATE documents SET size = -1, sha256 = '' WHERE id = ?", (document,))


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

    It is searchable by words once this returns. Members the file had are removed.
    """
    state: FileState = "words" if spans else "meaning"
    with database.transaction():
        _make_room(database, entry)
        (document,) = database.execute(
            """
            INSERT INTO documents (path, name, size, mtime_ns, inode, state, sha256, kind, title, reader,
                                   pages, passages, redacted, indexed_at, parent, scans, recognised,
                                   hidden)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (path) DO UPDATE SET
                size = excluded.size, mtime_ns = excluded.mtime_ns, inode = excluded.inode,
                state = excluded.state, reason = '', detail = '', sha256 = excluded.sha256,
                kind = excluded.kind, title = excluded.title, reader = excluded.reader,
                pages = excluded.pages, passages = excluded.passages, redacted = excluded.redacted,
                indexed_at = excluded.indexed_at, scans = excluded.scans,
                recognised = excluded.recognised, hidden = excluded.hidden
            RETURNING id
            """,
            (entry.path, Path(entry.path).name, entry.size, entry.mtime_ns, entry.inode,
             state, sha256, extract.kind, extract.title, extract.reader,
             extract.pages, len(spans), extract.redacted, _now(), parent,
             extract.scans, len(extract.recognised), extract.hidden),
        )[0]  # fmt: skip
        database.execute("INSERT INTO texts VALUES (?, ?)", (document, extract.text))
        database.execute(
            "INSERT INTO names (rowid, name, title) VALUES (?, ?, ?)",
            (document, Path(entry.path).name, extract.title),
        )
        _add_passages(database, document, entry, extract, spans, folder)
    return document, state


def delete(database: Database, documents: Sequence[int]) -> None:
    """Remove documents and all that was made of them."""
    for start in range(0, len(documents), _TOGETHER):
        with database.transaction():
            for document in documents[start : start + _TOGETHER]:
                _clear(database, document)
                database.execute("DELETE FROM documents WHERE id = ?", (document,))
        vector_cache.erase(database)


def mark_meaning(database: Database, documents: Iterable[int]) -> None:
    """Documents whose passages all have vectors are searchable by meaning."""
    database.many(
        "UPDATE documents SET state = 'meaning' WHERE id = ? AND state = 'words' AND NOT EXISTS"
        " (SELECT 1 FROM passages WHERE document = documents.id AND embedded = 0)",
        [(document,) for document in documents],
    )


def _add_passages(
    database: Database,
    document: int,
    entry: Entry,
    extract: Extract,
    spans: Sequence[PassageSpan],
    folder: str,
) -> None:
    name = Path(entry.path).name
    for ordinal, span in enumerate(spans):
        body = extract.text[span.start : span.end]
        heading = " > ".join(span.headings)
        passage = database.insert(
            'INSERT INTO passages (document, ordinal, start, "end", page, heading, header, text_hash)'
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (document, ordinal, span.start, span.end, span.page, heading, span.header, text_hash(body)),
        )
        database.execute(
            "INSERT INTO words (rowid, name, title, heading, body) VALUES (?, ?, ?, ?, ?)",
            (passage, name, extract.title, f"{heading} {folder}", body),
        )
        if pairs := segments.segmented(f"{name} {extract.title} {heading} {body}"):
            database.execute("INSERT INTO segments (rowid, body) VALUES (?, ?)", (passage, pairs))


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


def _make_room(database: Database, entry: Entry) -> None:
    """Remove the text of the document at a path. Pages recognised stay as long as the file is the same."""
    row = database.one("SELECT id, size, mtime_ns FROM documents WHERE path = ?", (entry.path,))
    if row is None:
        return
    _clear(database, row[0])
    if row[1:] != (entry.size, entry.mtime_ns):
        database.execute("DELETE FROM recognised_pages WHERE file = ?", (row[0],))


def _clear(database: Database, document: int) -> None:
    """Remove the text of a document and all that lies in it."""
    for (child,) in database.execute("SELECT id FROM documents WHERE parent = ?", (document,)):
        _clear(database, child)
        database.execute("DELETE FROM documents WHERE id = ?", (child,))
    vectors.delete(database, document)
    for table in ("words", "segments"):
        database.execute(
            f"DELETE FROM {table} WHERE rowid IN (SELECT id FROM passages WHERE document = ?)", (document,)
        )
    database.execute("DELETE FROM names WHERE rowid = ?", (document,))
    database.execute("DELETE FROM passages WHERE document = ?", (document,))
    database.execute("DELETE FROM texts WHERE document = ?", (document,))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
