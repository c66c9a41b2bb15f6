"""What indexing some paths would mean: counted by kind; no file is opened and nothing stored."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.contracts import FileReport, FolderRules, KindCount, LeftOut, Preview
from engine.documents import formats
from engine.documents.reader import MAX_TEXT
from engine.library.scan import Entry, scan
from engine.store.database import Database

LARGE_FILES = 20_000
LARGE_BYTES = 5_000_000_000
_EXAMPLES = 3
_ENOUGH = 20  # files of a kind until this library's own experience counts
# What a laptop of two cores does; the first runs replace it.
_FILES_PER_SECOND = 60.0
_PASSAGES_PER_SECOND = 25.0
_PAGES_PER_SECOND = 0.3  # recognised
_PASSAGES_PER_MB: Mapping[str, float] = {
    "pdf": 60.0,
    "word": 40.0,
    "html": 300.0,
    "image": 0.0,
    "other": 50.0,
}
_PASSAGES_PER_MB_OF_TEXT = 850.0


@dataclass(frozen=True)
class Rates:
    """How fast this machine indexes. `density` is passages a megabyte, by kind of file."""

    files: float = _FILES_PER_SECOND
    passages: float = _PASSAGES_PER_SECOND
    pages: float = _PAGES_PER_SECOND
    density: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def measured(cls, database: Database | None) -> Rates:
        """What earlier runs left in the index; the defaults where they left nothing."""
        if database is None:
            return cls()
        meta: dict[str, str] = dict(database.execute("SELECT key, value FROM meta WHERE key LIKE 'rate_%'"))
        rows = database.execute(
            "SELECT kind, sum(passages) * 1e6 / sum(size) FROM documents"
            " WHERE state IN ('words', 'meaning') AND parent IS NULL AND size > 0"
            " GROUP BY kind HAVING count(*) >= ?",
            (_ENOUGH,),
        )
        return cls(
            float(meta.get("rate_files", _FILES_PER_SECOND)),
            float(meta.get("rate_passages", _PASSAGES_PER_SECOND)),
            float(meta.get("rate_pages", _PAGES_PER_SECOND)),
            dict(rows),
        )

    def passages_in(self, kind: str, size: int) -> float:
        known = self.density.get(kind, _PASSAGES_PER_MB.get(kind, _PASSAGES_PER_MB_OF_TEXT))
        return known * size / 1e6


def remember(database: Database, *, files: float = 0.0, passages: float = 0.0, pages: float = 0.0) -> None:
    """Keep how many files, passages or recognised pages a second a run did."""
    for key, value in (("rate_files", files), ("rate_passages", passages), ("rate_pages", pages)):
        if value:
            database.execute(
                "INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
                (key, f"{value:.3f}"),
            )


def preview(
    roots: Sequence[Path],
    own: Path,
    *,
    rules: Mapping[str, FolderRules],
    forgotten: Collection[str] = (),
    rates: Rates,
    recognise: bool = False,
    visit: Callable[[str, int], None] = lambda directory, found: None,
) -> Preview:
    """Look at `roots` as `scan` does. Reasons that only reading can find are not known yet.

    `recognise`: text in pictures would be recognised.
    """
    found = scan(roots, own, rules=rules, forgotten=forgotten, visit=visit)
    files: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    left_out: defaultdict[str, list[FileReport]] = defaultdict(list)
    for path, entry in found.entries.items():
        reason = entry.reason or _by_name(entry)
        if reason:
            left_out[reason].append(FileReport(path, "skipped", reason, entry.detail))
            continue
        kind = _kind(path)
        files[kind] += 1
        sizes[kind] += entry.size
    passages = sum(rates.passages_in(kind, size) for kind, size in sizes.items())
    words_seconds = files.total() / rates.files
    return Preview(
        paths=tuple(str(root) for root in roots),
        files=len(found.entries),
        readable=files.total(),
        bytes=sizes.total(),
        kinds=tuple(KindCount(kind, count, sizes[kind]) for kind, count in files.most_common()),
        left_out=tuple(
            LeftOut(reason, len(reports), tuple(sorted(reports, key=lambda r: r.path)[:_EXAMPLES]))
            for reason, reports in sorted(left_out.items(), key=lambda item: (-len(item[1]), item[0]))
        ),
        words_seconds=round(words_seconds, 1),
        seconds=round(words_seconds + passages / rates.passages, 1),
        recognise_seconds=round(files["image"] / rates.pages, 1) if recognise else 0.0,
        large=files.total() > LARGE_FILES or sizes.total() > LARGE_BYTES,
    )


def _by_name(entry: Entry) -> str:
    """The reason that a file's name and size already tell."""
    if entry.size == 0:
        return "empty"
    path = Path(entry.path)
    known = formats.by_extension(path)
    if known is not None:
        return "too_large" if known.read_text and entry.size > MAX_TEXT else ""
    extension = formats.extension_of(path)
    if extension in formats.UNSUPPORTED:
        return "unsupported"
    if extension in formats.BINARY:
        return "binary"
    return "too_large" if entry.size > MAX_TEXT else ""  # if it is read at all, then as text


def _kind(path: str) -> str:
    return formats.KINDS.get(formats.extension_of(Path(path)), "other")
