"""The table of formats: what Nocturne reads and by which reader, and what it knows but cannot read.

To add a format, write a reader and add a line here. Raise `version` when a reader's text changes: the files
it has read are then read again.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

from engine.documents import ocr
from engine.documents.extract import Draft, Member
from engine.documents.ocr import PageText
from engine.documents.readers import (
    archive,
    book,
    code,
    html,
    mail,
    mailbox,
    markdown,
    markup,
    notebook,
    open_document,
    outlook,
    pdf,
    picture,
    plain,
    records,
    rich_text,
    sheets,
    slides,
    subtitles,
    table,
    word,
)


@dataclass(frozen=True)
class Format:
    """One format. Exactly one of `read_text` (gets decoded text) and `read_file` (gets the path) is set.

    `read_scan` reads pictures of text too, `members` gives the documents inside the file at a path: both only
    of formats that have such.
    """

    name: str
    version: int
    kind: str
    extensions: frozenset[str]
    read_text: Callable[[str], Draft] | None = None
    read_file: Callable[[Path], Draft] | None = None
    read_scan: Callable[[Path, PageText], Draft] | None = None
    members: Callable[[Path], Generator[Member, None, None]] | None = None

    @property
    def reader(self) -> str:
        return f"{self.name}@{self.version}"


def _set(extensions: str) -> frozenset[str]:
    return frozenset(extensions.split())


TEXT = Format(
    "text",
    1,
    "text",
    _set("txt text log tex nfo readme me"),
    read_text=plain.read,
)
HTML = Format("html", 3, "html", _set("html htm xhtml shtml"), read_text=html.read)
PDF = Format("pdf", 3, "pdf", _set("pdf"), read_file=pdf.read, read_scan=pdf.read_scan)
PICTURE = Format(
    "picture",
    1,
    "image",
    _set("png jpg jpeg gif bmp tif tiff webp"),
    read_file=picture.read,
    read_scan=picture.read_scan,
)
WORD = Format("word", 2, "word", _set("docx docm dotx dotm"), read_file=word.read)
SHEETS = Format(
    "sheets", 2, "sheet", _set("xlsx xlsm xltx xltm xlsb xls xlt xla ods ots"), read_file=sheets.read
)
SLIDES = Format("slides", 2, "slides", _set("pptx pptm ppsx ppsm potx potm"), read_file=slides.read)
OPEN_TEXT = Format("odt", 1, "word", _set("odt ott"), read_file=open_document.read)
OPEN_SLIDES = Format("odp", 1, "slides", _set("odp otp"), read_file=open_document.read)
BOOK = Format("book", 2, "book", _set("epub"), read_file=book.read)
RICH_TEXT = Format("rtf", 1, "word", _set("rtf"), read_file=rich_text.read)
MAIL = Format("mail", 2, "mail", _set("eml emlx mht mhtml"), read_file=mail.read, members=mail.members)
MAILBOX = Format("mailbox", 1, "mail", _set("mbox"), read_file=mailbox.read, members=mailbox.members)
OUTLOOK = Format("outlook", 2, "mail", _set("msg"), read_file=outlook.read, members=outlook.members)
ARCHIVE = Format("archive", 1, "archive", _set("zip"), read_file=archive.read, members=archive.members)

FORMATS: tuple[Format, ...] = (
    TEXT,
    Format("markdown", 1, "markdown", _set("md markdown mdown mkd mdx rmd qmd"), read_text=markdown.read),
    Format("rst", 1, "text", _set("rst"), read_text=markup.read_rst),
    Format("org", 1, "text", _set("org"), read_text=markup.read_org),
    Format("asciidoc", 1, "text", _set("adoc asciidoc"), read_text=markup.read_asciidoc),
    Format("subtitles", 1, "text", _set("srt vtt"), read_text=subtitles.read),
    Format("notebook", 1, "notebook", _set("ipynb"), read_text=notebook.read),
    Format("records", 2, "data", _set("json jsonl ndjson"), read_text=records.read),
    PDF,
    PICTURE,
    WORD,
    SHEETS,
    SLIDES,
    OPEN_TEXT,
    OPEN_SLIDES,
    BOOK,
    RICH_TEXT,
    MAIL,
    MAILBOX,
    OUTLOOK,
    ARCHIVE,
    HTML,
    Format("table", 1, "table", _set("csv tsv tab"), read_text=table.read),
    Format(
        "code",
        1,
        "code",
        _set(
            "py pyi pyw js mjs cjs jsx ts tsx java kt kts scala groovy c h cc cpp cxx hh hpp hxx cu m mm cs "
            "fs vb go rs swift dart php rb pl pm lua r jl ex exs erl hs ml clj lisp el scm sh bash zsh fish "
            "ps1 bat cmd sql css scss less vue svelte zig nim pas f90 proto graphql cmake make mk "
            "gradle tf vim asm"
        ),
        read_text=code.read,
    ),
    Format(
        "data",
        1,
        "data",
        _set("json5 toml yaml yml ini cfg conf properties xml xsd opml plist bib ics vcf"),
        read_text=plain.read,
    ),
)

_BY_EXTENSION = {extension: format for format in FORMATS for extension in format.extensions}
_CURRENT = frozenset((*(format.reader for format in FORMATS), ocr.READER))

# Files whose kind is known by name but that hold no text of ours to read yet ("unsupported") ...
_UNSUPPORTED = {
    "word": "doc dot pages wpd wps",
    "sheet": "numbers",
    "slides": "ppt pps pot key",
    "mail": "pst ost",
    "book": "mobi azw azw3 djvu chm ps",
    "archive": "tar gz tgz bz2 xz 7z rar zst",
    "image": "heic heif svg psd ai raw cr2 nef dng ico xcf",
}
# ... and files that hold none at all ("binary").
_BINARY = {
    "sound": "mp3 wav flac ogg oga m4a aac wma opus mid",
    "film": "mp4 mkv avi mov webm wmv m4v mpg mpeg",
    "program": "exe dll so dylib o a lib bin dmg iso img msi deb rpm apk jar class pyc pyd wasm whl appimage",
    "database": "db sqlite sqlite3 mdb accdb dbf parquet feather arrow npy npz h5 hdf5 pkl pickle",
    "model": "gguf onnx safetensors pt pth ckpt",
    "font": "ttf otf woff woff2",
}
UNSUPPORTED = frozenset(extension for names in _UNSUPPORTED.values() for extension in names.split())
BINARY = frozenset(extension for names in _BINARY.values() for extension in names.split())

# Extension (lower case, no dot) -> kind, for every kind of file known.
KINDS: dict[str, str] = {
    **{
        name: kind
        for kinds in (_UNSUPPORTED, _BINARY)
        for kind, names in kinds.items()
        for name in names.split()
    },
    **{extension: format.kind for extension, format in _BY_EXTENSION.items()},
}

# Files without an extension that are text all the same.
_BY_NAME = {"makefile": "make", "gnumakefile": "make", "dockerfile": "sh", "cmakelists.txt": "cmake"}


def extension_of(path: Path) -> str:
    """Lower case, without the dot; files known by their whole name get the extension they stand for."""
    return _BY_NAME.get(path.name.lower()) or path.suffix.lower().removeprefix(".")


def by_extension(path: Path) -> Format | None:
    return _BY_EXTENSION.get(extension_of(path))


def current_reader(path: Path) -> str | None:
    """The "name@version" that the extension of `path` asks for; its content may ask for another one."""
    found = by_extension(path)
    return found.reader if found else None


def is_current(reader: str) -> bool:
    """Whether text read by `reader` ("name@version", joined by "+") would be read the same way today."""
    return _CURRENT.issuperset(reader.split("+"))
