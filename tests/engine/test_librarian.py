"""Paths that a person types lead to what the index calls by the names of the disk."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from engine.workers import librarian

LISTED = "Ju\u0308rgen.md"  # the form in which some disks keep it


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    folder = tmp_path / "Letters"
    folder.mkdir()
    for name in (LISTED, "other.md"):
        (folder / name).write_text("words", encoding="utf-8")
    return folder


@pytest.fixture
def loose(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a disk where neither case nor Unicode forms count."""

    def same(path: Path, other: Path) -> bool:
        first, second = (unicodedata.normalize("NFC", str(one)).casefold() for one in (path, other))
        return first == second

    monkeypatch.setattr(Path, "samefile", same)


@pytest.mark.usefixtures("loose")
def test_a_path_gets_the_names_of_the_disk(letters: Path) -> None:
    typed = letters.with_name("letters") / "J\u00fcrgen.MD"
    assert str(librarian._absolute(typed)) == str(letters / LISTED)
    assert str(librarian._absolute(letters / LISTED)) == str(letters / LISTED)
    assert str(librarian._absolute(letters.with_name("LETTERS"))) == str(letters)
    assert str(librarian._absolute(typed.with_name("Gone.md"))) == str(letters / "Gone.md")


def test_a_path_stays_where_names_count_as_they_are(letters: Path) -> None:
    other = letters.with_name("letters")
    assert librarian._absolute(other) == other
    other.mkdir()
    assert librarian._absolute(other) == other
    assert librarian._absolute(letters / "OTHER.md") == letters / "OTHER.md"


@pytest.mark.usefixtures("loose")
def test_of_two_files_the_one_is_meant_that_was_typed(letters: Path) -> None:
    (letters / "Other.md").write_text("words", encoding="utf-8")
    assert librarian._absolute(letters / "Other.md") == letters / "Other.md"
    assert librarian._absolute(letters / "other.md") == letters / "other.md"
