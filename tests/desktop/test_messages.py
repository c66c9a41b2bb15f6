"""Every code of the engine has words in the window, and every word can be translated."""

from __future__ import annotations

import string

import pytest

from desktop import messages
from engine.contracts import Citation, Notice
from engine.errors import PROBLEMS, REASONS, EngineError
from engine.notices import NOTICES
from tests.desktop.pseudo import Pseudo


def fields(template: str) -> set[str]:
    return {name for _text, name, _spec, _conversion in string.Formatter().parse(template) if name}


@pytest.mark.parametrize("code", PROBLEMS)
def test_every_problem_is_said_and_translated(code: str, pseudo: Pseudo) -> None:
    params = {name: f"<{name}>" for name in fields(PROBLEMS[code].message) | fields(PROBLEMS[code].hint)}
    said = messages.problem(code, params)
    assert said.message.startswith("⟦") and said.hint.startswith("⟦")
    assert ("Problem", PROBLEMS[code].message) in pseudo.asked
    for name in fields(PROBLEMS[code].message):
        assert f"<{name}>" in said.message


@pytest.mark.parametrize("code", REASONS)
def test_every_reason_is_said_and_translated(code: str, pseudo: Pseudo) -> None:
    said = messages.reason(code)
    assert said == messages.Said(f"⟦{REASONS[code].message}⟧", f"⟦{REASONS[code].hint}⟧")


@pytest.mark.parametrize("code", NOTICES)
def test_every_notice_is_said_and_translated(code: str, pseudo: Pseudo) -> None:
    params = {name: f"<{name}>" for name in fields(NOTICES[code])}
    said = messages.notice(Notice(code, params))
    assert said.startswith("⟦") and all(f"<{name}>" in said for name in params)


def test_window_hints_belong_to_known_problems() -> None:
    assert set(messages._WINDOW_HINTS) <= set(PROBLEMS)
    assert all(not fields(hint) for hint in messages._WINDOW_HINTS.values())


def test_an_error_that_is_not_ours_is_a_bug_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    said = messages.error(ZeroDivisionError("secret text"), "/log")
    assert "ZeroDivisionError" in said.message and "secret text" not in said.message
    assert said.hint == "The log is /log." and "ZeroDivisionError" in caplog.text


def test_missing_parameters_do_not_hide_the_sentence() -> None:
    assert messages.error(EngineError("disk_full")).message == "The disk that holds ? is full."


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/a/b.pdf", "b.pdf"),
        ("/a/b/", "b"),
        ("C:\\a\\b.txt", "b.txt"),
        ("/a/z.zip!/in/c.md", "c.md"),
        ("/", "/"),
    ],
)
def test_file_name(path: str, name: str) -> None:
    assert messages.file_name(path) == name


def test_source_name() -> None:
    assert (
        messages.source_name(Citation(2, "/a/report.pdf", 14, "q", 0, 1, True))
        == "Source 2, report.pdf, page 14"
    )
    assert messages.source_name(Citation(1, "/a/notes.md", None, "q", 0, 1, True)) == "Source 1, notes.md"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(5, "less than a minute left"), (130, "about 2 min left"), (5400, "about 1.5 h left")],
)
def test_duration(seconds: float, said: str) -> None:
    assert messages.duration(seconds) == said
