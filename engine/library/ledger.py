"""What index.db says of files: coverage, problems, and the text around a passage."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from engine.contracts import Citation, Coverage, FileReport, FolderReport, Passage, PassageView
from engine.library.writer import below
from engine.store.database import Database, Row

_AROUND = 600  # code points shown on each side of a citation
# What lies in a file is there as long as that file is.
_CITED = (
    "SELECT d.path, d.sha256, f.path, f.size, f.mtime_ns, t.text FROM documents AS d"
    " JOIN documents AS f ON f.id = coalesce(d.parent, d.id) JOIN texts AS t ON t.document = d.id WHERE "
)
_NEIGHBOURS = 32  # passages looked at on each side


def coverage(database: Database) -> Coverage:
    """How much of everything indexed can be searched, and how."""
    counts = _by_state(database, "1", ())
    children = database.one("SELECT count(*) FROM documents WHERE parent IS NOT NULL")
    sums = database.one(
        "SELECT coalesce(sum(passages), 0), (SELECT count(*) FROM passages WHERE embedded = 0) FROM documents"
    )
    passages, pending = sums or (0, 0)
    pictures = database.one(
        "SELECT (SELECT count(DISTINCT coalesce(parent, id)) FROM documents WHERE recognised > 0),"
        " count(DISTINCT coalesce(parent, id)), coalesce(sum(scans), 0) FROM documents WHERE scans > 0"
    )
    recognised, scans, scanned_pages = pictures or (0, 0, 0)
    hidden = database.one("SELECT count(DISTINCT coalesce(parent, id)) FROM documents WHERE hidden > 0")
    return Coverage(
        files=counts.total(),
        indexed=counts["words"] + counts["meaning"],
        words=counts["words"],
        meaning=counts["meaning"],
        skipped=counts["skipped"],
        failed=counts["failed"],
        waiting=counts["waiting"],
        children=children[0] if children else 0,
        passages=passages,
        embedded=passages - pending,
        reasons=dict(
            database.execute(
                "SELECT reason, count(*) FROM documents INDEXED BY documents_problems"
                " WHERE state IN ('skipped', 'failed') AND parent IS NULL GROUP BY reason ORDER BY 2 DESC, 1"
            )
        ),
        recognised=recognised,
        scans=scans,
        scanned_pages=scanned_pages,
        hidden=hidden[0] if hidden else 0,
    )


def folder_reports(database: Database, roots: Iterable[str]) -> list[FolderReport]:
    """One report for each path. A file below two of them counts in both."""
    reports = []
    mounted: dict[str, int] = dict(database.execute("SELECT path, mounted FROM roots"))
    for path in roots:
        condition, params = below(path)
        counts = _by_state(database, condition, params)
        reports.append(
            FolderReport(
                path=path,
                files=counts.total(),
                words=counts["words"],
                meaning=counts["meaning"],
                skipped=counts["skipped"],
                failed=counts["failed"],
                waiting=counts["waiting"],
                # An empty mount point is there, its disk is not.
                available=Path(path).exists() and (not mounted.get(path) or Path(path).is_mount()),
            )
        )
    return reports


def problems(database: Database, offset: int = 0, limit: int = 200) -> list[FileReport]:
    """Files and folders that were skipped or failed, newest first."""
    rows = database.execute(
        "SELECT path, state, reason, detail, indexed_at FROM documents INDEXED BY documents_problems"
        " WHERE state IN ('skipped', 'failed') ORDER BY indexed_at DESC, id DESC LIMIT ? OFFSET ?",
        (limit, offset),
    )
    return [FileReport(*row) for row in rows]


def hidden_text(database: Database, offset: int = 0, limit: int = 200) -> list[FileReport]:
    """Documents of which text that nobody sees in them was left out, newest first."""
    rows = database.execute(
        "SELECT path, state, 'hidden_text', hidden || ' characters', indexed_at"
        " FROM documents INDEXED BY documents_hidden WHERE hidden > 0"
        " ORDER BY indexed_at DESC, id DESC LIMIT ? OFFSET ?",
        (limit, offset),
    )
    return [FileReport(*row) for row in rows]


def document_text(database: Database, path: str) -> str | None:
    """The stored text of a file, or None if it has none."""
    row = database.one(
        "SELECT text FROM texts WHERE document = (SELECT id FROM documents WHERE path = ?)", (path,)
    )
    return str(row[0]) if row else None


def holder(database: Database, path: str) -> str:
    """The file that a document is a part of; empty if it is a file itself, or unknown."""
    row = database.one(
        "SELECT path FROM documents WHERE id = (SELECT parent FROM documents WHERE path = ?)", (path,)
    )
    return str(row[0]) if row else ""


def moved(database: Database, cited: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Of (path, hash) the paths that the library no longer has, each with one where that content is now."""
    lost = {
        path: sha256
        for path, sha256 in cited
        if sha256 and not database.one("SELECT 1 FROM documents WHERE path = ?", (path,))
    }
    if not lost:
        return {}
    # One walk over all rows, for hashes have no index: files are seldom moved.
    found: dict[str, str] = dict(
        database.execute(
            "SELECT sha256, min(path) FROM documents WHERE sha256 IN (SELECT value FROM json_each(?))"
            " GROUP BY sha256",
            (json.dumps(sorted(set(lost.values()))),),
        )
    )
    return {path: found[sha256] for path, sha256 in lost.items() if sha256 in found}


def unchanged(database: Database, files: Iterable[tuple[str, str]]) -> bool:
    """Whether each of these files (path, content hash) is in the library as it was."""
    return all(
        database.one("SELECT 1 FROM documents WHERE path = ? AND sha256 = ?", file) is not None
        for file in files
    )


def view(database: Database, citation: Citation) -> PassageView:
    """The cited span with what stands around it now, in the file's new place if it was moved.

    `missing`: the file, or the one it lies in, is gone from disk or library. `changed`: it is not the one
    that was cited. Where the quote no longer stands in the text, it is shown alone.
    """
    row = database.one(_CITED + "d.path = ?", (citation.path,))
    if row is None and citation.sha256:
        row = database.one(_CITED + "d.sha256 = ?", (citation.sha256,))
    if row is None:
        return PassageView(
            citation.path, citation.page, citation.heading, "", citation.quote, "", changed=True, missing=True
        )
    path, sha256, file, size, mtime_ns, text = row
    try:
        status = Path(file).stat()
        on_disk = (status.st_size, status.st_mtime_ns)
    except OSError:
        on_disk = None
    start = citation.start
    if text[start : citation.end] != citation.quote:
        start = text.find(citation.quote) if citation.quote else -1
    end = start + len(citation.quote)
    return PassageView(
        path=path,
        page=citation.page,
        heading=citation.heading,
        before=text[max(0, start - _AROUND) : start] if start >= 0 else "",
        quote=citation.quote,
        after=text[end : end + _AROUND] if start >= 0 else "",
        changed=sha256 != citation.sha256 or on_disk != (size, mtime_ns),
        missing=on_disk is None,
    )


def widened(database: Database, passage: Passage, characters: int) -> Passage:
    """`passage` with its neighbours of the same heading and page, as far as `characters` (of text) allow.

    Both sides grow in turn. The passage itself comes back where it is unknown or already as long.
    """
    row = database.one(
        "SELECT p.document, p.ordinal FROM passages AS p JOIN documents AS d ON d.id = p.document"
        ' WHERE d.path = ? AND p.start = ? AND p."end" = ?',
        (passage.path, passage.start, passage.end),
    )
    if row is None:
        return passage
    document, ordinal = row
    neighbours: dict[int, Row] = {
        row[0]: row
        for row in database.execute(
            'SELECT ordinal, start, "end" FROM passages WHERE document = ? AND ordinal BETWEEN ? AND ?'
            " AND heading = ? AND page IS ?",
            (document, ordinal - _NEIGHBOURS, ordinal + _NEIGHBOURS, passage.heading, passage.page),
        )
    }
    first = last = ordinal
    start, end = passage.start, passage.end
    sides = [-1, 1]
    while sides:
        side = sides.pop(0)
        neighbour = neighbours.get(first - 1 if side < 0 else last + 1)
        if neighbour is None:
            continue
        wider = (min(start, neighbour[1]), max(end, neighbour[2]))
        if wider[1] - wider[0] > characters:
            continue
        start, end = wider
        first, last = min(first, neighbour[0]), max(last, neighbour[0])
        sides.append(side)
    text = database.one(
        "SELECT substr(text, ?, ?) FROM texts WHERE document = ?", (start + 1, end - start, document)
    )
    return replace(passage, start=start, end=end, text=text[0]) if text else passage


def _by_state(database: Database, condition: str, params: tuple[str, ...]) -> Counter[str]:
    return Counter(
        dict(
            database.execute(
                f"SELECT state, count(*) FROM documents WHERE parent IS NULL AND {condition} GROUP BY state",
                params,
            )
        )
    )
