"""What the engine says by code, in the words of the person's language.

The engine's English templates are the source texts of the translation; parameters are filled in after it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, QDateTime, QLocale, Qt

from engine.contracts import Citation, Nearest, Notice, PassageView
from engine.errors import PROBLEMS, REASONS, EngineError
from engine.notices import NOTICES

log = logging.getLogger("nocturne.window")

# Next steps that name a command line, said for someone who looks at a window.
_WINDOW_HINTS: Mapping[str, str] = {
    "usage": "Run `nocturne --help` for the commands.",
    "path_is_home": "Choose a folder of your own files.",
    "nothing_indexed": "Add a folder: drop it on this window, or use File > Add folder.",
    "home_locked": "Close it, then open this window again.",
    "chat_missing": "Choose another chat in the list on the left.",
    "message_missing": "Open the chat again.",
    "folder_missing": "Your folders are listed in the library.",
    "inside_file": "Remove the whole file, or take the part out of it.",
    "no_consent": "Tick a folder below “May be learned from”, under Nights.",
    "night_missing": "Your nights are listed under Nights.",
    "night_diverged": "Press Personalize once more.",
    "night_other_model": "Press Personalize to run another night.",
    "adapter_broken": "Roll back or use another night, under Nights.",
    "adapter_other_base": "Roll back or use another night, under Nights.",
    "nothing_to_learn": "Wait until they are indexed; the library says what was left out, and why.",
    "night_over": "Press Personalize to run another night.",
    "night_no_disk": "Free some space, or delete old nights under Nights.",
    "too_few_rows": "Tick more folders below “May be learned from”, under Nights.",
}


_KINDS: Mapping[str, str] = {
    "text": "text",
    "markdown": "Markdown",
    "pdf": "PDF",
    "word": "Word",
    "html": "web pages",
    "table": "tables",
    "sheet": "spreadsheets",
    "slides": "presentations",
    "mail": "mail",
    "book": "books",
    "notebook": "notebooks",
    "archive": "archives",
    "image": "pictures",
    "code": "source code",
    "data": "data",
    "other": "others",
}


@dataclass(frozen=True)
class Said:
    """One sentence and one next step, translated."""

    message: str
    hint: str = ""


class _Missing(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "?"


def _say(context: str, template: str, params: Mapping[str, object]) -> str:
    text = QCoreApplication.translate(context, template) if template else ""
    return text.format_map(_Missing(params))


def problem(code: str, params: Mapping[str, object]) -> Said:
    """The sentence for a code of PROBLEMS; an unknown code is reported as a bug."""
    if code not in PROBLEMS:
        code, params = "bug", {"detail": code, "log": ""}
    known = PROBLEMS[code]
    hint = _WINDOW_HINTS.get(code, known.hint)
    return Said(_say("Problem", known.message, params), _say("Hint", hint, params))


def error(caught: BaseException, log_path: str = "") -> Said:
    """The sentence for anything a call or a job raised; what is no EngineError is logged as a bug."""
    if isinstance(caught, EngineError):
        return problem(caught.code, caught.params)
    log.error("unexpected %s", type(caught).__name__, exc_info=caught)
    return problem("bug", {"detail": type(caught).__name__, "log": log_path})


def reason(code: str) -> Said:
    """Why a file is not indexed, for a code of REASONS."""
    known = REASONS.get(code, REASONS["unknown"])
    return Said(_say("Reason", known.message, {}), _say("ReasonHint", known.hint, {}))


def notice(said: Notice) -> str:
    """A notice of a running job; an unknown code is shown as it is."""
    return _say("Notice", NOTICES.get(said.code, said.code), said.params)


def file_name(path: str) -> str:
    """The last part of a path, members of archives included."""
    return path.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1] or path


def place(source: Citation | Nearest | PassageView) -> str:
    """Where in a file: "page 14", or an empty string."""
    if source.page is None:
        return ""
    return QCoreApplication.translate("Source", "page {page}").format(page=source.page)


def source_name(citation: Citation) -> str:
    """What a screen reader says for a citation: "Source 2, report.pdf, page 14"."""
    named = QCoreApplication.translate("Source", "Source {n}").format(n=citation.n)
    return ", ".join(part for part in (named, file_name(citation.path), place(citation)) if part)


def number(value: int) -> str:
    """A count with the group separators of the person's language."""
    return QLocale().toString(value)


def kind(code: str) -> str:
    """A kind of file, as a person calls it; an unknown one is shown as it is."""
    return QCoreApplication.translate("Kind", _KINDS.get(code, code))


def size(count: int) -> str:
    """Bytes, rounded: "12.3 MB"."""
    return QLocale().formattedDataSize(count, 1, QLocale.DataSizeFormat.DataSizeSIFormat)


def moment(time: str) -> str:
    """A UTC time in the short form and the time zone of the person."""
    found = QDateTime.fromString(time, Qt.DateFormat.ISODateWithMs)
    return QLocale().toString(found.toLocalTime(), QLocale.FormatType.ShortFormat) if found.isValid() else ""


def span(seconds: float) -> str:
    """A rough time: "about 2 min"."""
    if seconds < 60:
        return QCoreApplication.translate("Time", "less than a minute")
    if seconds < 3600:
        return QCoreApplication.translate("Time", "about {n} min").format(n=round(seconds / 60))
    return QCoreApplication.translate("Time", "about {n} h").format(n=round(seconds / 3600, 1))


def duration(seconds: float) -> str:
    """A rough time left: "about 2 min left"."""
    if seconds < 60:
        return QCoreApplication.translate("Time", "less than a minute left")
    if seconds < 3600:
        return QCoreApplication.translate("Time", "about {n} min left").format(n=round(seconds / 60))
    return QCoreApplication.translate("Time", "about {n} h left").format(n=round(seconds / 3600, 1))
