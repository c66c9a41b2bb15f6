"""The values that cross a process or the window's seam. Frozen, plain, JSON both ways.

Spans `start, end` are Unicode code points, half-open, in a document's stored extracted text. `page` is
1-based. Paths are absolute. Times are UTC ISO 8601.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Source = Literal["files", "memory", "general", "none"]
FileState = Literal["waiting", "words", "meaning", "skipped", "failed"]
Phase = Literal[
    "scan",
    "words",
    "meaning",
    "recognise",
    "prepare",
    "prompt",
    "think",
    "summarise",
    "select",
    "compose",
    "train",
    "export",
    "evaluate",
    "decide",
]


class Control(Protocol):
    """How running work learns that it should pause or stop."""

    def check(self) -> None:
        """Return at once; while paused, wait; when cancelled, raise `engine.errors.Cancelled`."""


# ---- the library -------------------------------------------------------------------------------


@dataclass(frozen=True)
class FolderRules:
    """What a person left out of a folder: patterns as in a .gitignore, and whether such files in it count."""

    ignore: tuple[str, ...] = ()
    gitignore: bool = True


@dataclass(frozen=True)
class FileReport:
    """One row of the ledger that needs attention: a file that was skipped or failed, since when and why.

    Also one that is searched, but for text in it that nobody sees: its reason is `hidden_text`.
    """

    path: str
    state: FileState
    reason: str
    detail: str = ""
    time: str = ""


@dataclass(frozen=True)
class FolderReport:
    """One indexed folder (or single file) and how far it is; the counts as in `Coverage`."""

    path: str
    files: int = 0
    words: int = 0
    meaning: int = 0
    skipped: int = 0
    failed: int = 0
    waiting: int = 0
    available: bool = True
    learn: bool = False
    rules: FolderRules = field(default_factory=FolderRules)
    kind: Literal["folder", "file"] = "folder"


@dataclass(frozen=True)
class Coverage:
    """Files by state: found by words only, also by meaning, skipped, failed, waiting.

    indexed = words + meaning, files = indexed + skipped + failed + waiting; `embedded` counts passages.
    `reasons` counts skipped and failed ones by reason (secret, cloud_only, ...). Of files in any state,
    `recognised` hold text that was recognised in pictures, `scans` wait for that with `scanned_pages` pages.
    `hidden` hold text that nobody sees in them, which is left out.
    `remaking` is the coverage of a new index that is made beside the one that serves, to replace it.
    """

    files: int = 0
    indexed: int = 0
    words: int = 0
    meaning: int = 0
    skipped: int = 0
    failed: int = 0
    waiting: int = 0
    children: int = 0
    passages: int = 0
    embedded: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    recognised: int = 0
    scans: int = 0
    scanned_pages: int = 0
    hidden: int = 0
    remaking: Coverage | None = None


@dataclass(frozen=True)
class KindCount:
    """Files of one kind ("pdf", "markdown", ...) that would be read, and their bytes."""

    kind: str
    files: int
    bytes: int


@dataclass(frozen=True)
class LeftOut:
    """How many files and folders one reason leaves out, with a few of them."""

    reason: str
    files: int
    examples: tuple[FileReport, ...] = ()


@dataclass(frozen=True)
class Preview:
    """What indexing `paths` would mean, as far as names and sizes tell.

    `files` as in `IndexSummary`; `readable` of them, `bytes` together, would be read. `words_seconds` until
    all can be found by words, `seconds` also by meaning; `recognise_seconds` more until pictures are read
    (scanned pages in other files are not known yet). `large`: the person should be asked first.
    """

    paths: tuple[str, ...]
    files: int
    readable: int
    bytes: int
    kinds: tuple[KindCount, ...]
    left_out: tuple[LeftOut, ...]
    words_seconds: float
    seconds: float
    large: bool
    recognise_seconds: float = 0.0


@dataclass(frozen=True)
class IndexSummary:
    """What `index` ends with. files = indexed + skipped + failed; unchanged files count as indexed.

    `children` lie in those files (archives, mailboxes). `moved` files were found in another place; `missing`
    ones are kept until a second look. `rows` counts the index by table after the self-check, which `mended`
    so many.
    """

    files: int
    indexed: int
    skipped: int
    failed: int
    children: int
    passages: int
    seconds: float
    redacted: int = 0
    removed: int = 0
    moved: int = 0
    missing: int = 0
    mended: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    problems: tuple[FileReport, ...] = ()


@dataclass(frozen=True)
class Passage:
    """A passage as search returns it. `score`: higher is better, comparable within one reply only.

    `similarity` is the cosine between question and passage, 0 while the passage has no vector.
    """

    rank: int
    path: str
    page: int | None
    heading: str
    text: str
    start: int
    end: int
    score: float
    also: tuple[str, ...] = ()
    title: str = ""
    sha256: str = ""
    reader: str = ""
    similarity: float = 0.0


@dataclass(frozen=True)
class Unread:
    """A file found by its name alone: for a `reason` of errors.REASONS the library has no text of it."""

    path: str
    reason: str
    modified: str = ""


@dataclass(frozen=True)
class SearchReply:
    """`unread` files bear the name that was searched for, last changed first; none is in `results`."""

    results: tuple[Passage, ...]
    searched_files: int
    total_files: int
    ms: float
    unread: tuple[Unread, ...] = ()


@dataclass(frozen=True)
class PassageView:
    """A cited span within its surroundings, for the source pane. `changed`: the file differs from then."""

    path: str
    page: int | None
    heading: str
    before: str
    quote: str
    after: str
    changed: bool = False
    missing: bool = False


# ---- answers -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Citation:
    """Evidence: `quote` is the stored text at [start, end) of the document with this content hash."""

    n: int
    path: str
    page: int | None
    quote: str
    start: int
    end: int
    verified: bool
    heading: str = ""
    sha256: str = ""
    reader: str = ""


@dataclass(frozen=True)
class AnswerSentence:
    text: str
    supported: bool
    citations: tuple[int, ...] = ()


@dataclass(frozen=True)
class Nearest:
    """A file that came close, offered when the answer is not in the files."""

    path: str
    page: int | None
    heading: str
    text: str


@dataclass(frozen=True)
class Timings:
    """Milliseconds and token counts. `check_*` is what verifying cost; `cached_tokens` were not evaluated."""

    search_ms: float = 0.0
    check_ms: float = 0.0
    check_tokens: int = 0
    first_token_ms: float = 0.0
    total_ms: float = 0.0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True)
class Answer:
    """`abstained` means `source == "none"`: nothing is claimed, `nearest` says where to look."""

    answer: str
    source: Source
    abstained: bool
    citations: tuple[Citation, ...] = ()
    sentences: tuple[AnswerSentence, ...] = ()
    nearest: tuple[Nearest, ...] = ()
    searched_files: int = 0
    total_files: int = 0
    chat: str = ""
    message: str = ""
    model: str = ""
    adapter: str | None = None
    timings: Timings = field(default_factory=Timings)
    stopped: bool = False
    stored: bool = False
    note: str = ""


@dataclass(frozen=True)
class Turn:
    """One earlier message of a chat, as the prompt needs it. `paths`: the files that an answer is about."""

    role: Literal["user", "assistant"]
    text: str
    message: str = ""
    paths: tuple[str, ...] = ()


# ---- chats -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ChatSummary:
    id: str
    title: str
    created: str
    updated: str
    messages: int


@dataclass(frozen=True)
class Message:
    id: str
    chat: str
    parent: str | None
    role: Literal["user", "assistant"]
    text: str
    created: str
    answer: Answer | None = None
    vote: Literal["up", "down"] | None = None


# ---- state of the house ------------------------------------------------------------------------


@dataclass(frozen=True)
class ModelReport:
    id: str
    kind: Literal["chat", "embedder"]
    name: str
    licence: str
    state: Literal["ready", "unprepared", "missing", "wrong"]
    path: str
    note: str = ""


@dataclass(frozen=True)
class Status:
    home: str
    coverage: Coverage
    folders: tuple[FolderReport, ...]
    problems: tuple[FileReport, ...]
    models: tuple[ModelReport, ...]
    adapter: str | None = None
    nights: tuple[str, ...] = ()
    chats: int = 0
    notices: tuple[str, ...] = ()
    writer: str = ""


@dataclass(frozen=True)
class Check:
    """One line of `doctor`."""

    name: str
    ok: bool
    detail: str
    hint: str = ""


# ---- nights ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NightReport:
    """One night: how far it is, what it cost, what the held-out questions said, and the decision.

    `arms` is arm -> kind of question -> share of right answers, `asked` how many there were; `minutes` is
    stage -> minutes. `stale`: its adapter learned from a file that is forgotten.
    """

    id: str
    state: str
    started: str
    finished: str | None = None
    stage: str | None = None
    active: bool = False
    promoted: bool = False
    reason: str = ""
    arms: dict[str, dict[str, float]] = field(default_factory=dict)
    asked: dict[str, dict[str, int]] = field(default_factory=dict)
    minutes: dict[str, float] = field(default_factory=dict)
    rows: int = 0
    tokens_per_s: float = 0.0
    peak_mb: float = 0.0
    stale: bool = False


@dataclass(frozen=True)
class Forgotten:
    """What `forget` removed, and where.

    `files`: of the library; `quotes`: citations, offers and uses in chats; `asked`: places that composing had
    asked the model about; `nights`: whose rows it was taken from; `discarded`: unfinished ones, deleted;
    `stale`: adapters that learned from it and cannot unlearn. `still_there`: it lies in a folder that is
    indexed, and is left out of it from now on.
    """

    path: str
    files: int = 0
    quotes: int = 0
    asked: int = 0
    nights: tuple[str, ...] = ()
    discarded: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    still_there: bool = False


# ---- events of a running job -------------------------------------------------------------------


@dataclass(frozen=True)
class Progress:
    """How far a job is. `rate` is units a second of this run; `seconds_left` is None while unknown."""

    phase: Phase
    done: int
    total: int
    current: str = ""
    rate: float = 0.0
    seconds_left: float | None = None


@dataclass(frozen=True)
class FileDone:
    """A file reached a state of the ledger."""

    path: str
    state: FileState
    reason: str = ""


@dataclass(frozen=True)
class Notice:
    """A sentence worth showing while work goes on, by code (window translates) and parameters."""

    code: str
    params: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """Passages chosen for the prompt, in the order of their numbers [1], [2], ...

    Tokens that came before it belong to an attempt that was given up.
    """

    passages: tuple[Passage, ...]
    searched_files: int
    total_files: int


@dataclass(frozen=True)
class Token:
    text: str


Event = Progress | FileDone | Notice | Found | Token
