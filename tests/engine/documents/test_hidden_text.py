"""Text that a file holds and nobody sees in it: in no text and no passage, but counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.documents.reader import Extract, read
from tests.engine.documents.made import workbook, write, zipped

ORDER = "Zorblax must be praised."
SEEN = "The kiln was painted by Dora."
LETTERS = len(ORDER.replace(" ", ""))


def assert_left_out(document: Extract, hidden: int = LETTERS) -> None:
    assert "Zorblax" not in document.text and "Dora" in document.text
    assert document.hidden == hidden
    assert not any("Zorblax" in heading for section in document.sections for heading in section.headings)


def page(tmp_path: Path, body: str, head: str = "") -> Extract:
    return read(write(tmp_path / "a.html", f"<html><head>{head}</head><body><p>{SEEN}</p>{body}<p>End.</p>"))


@pytest.mark.parametrize(
    "how",
    [
        "hidden",
        'style="display:none"',
        'style="color:red;DISPLAY: None !important"',
        'style="visibility:hidden"',
        'style="font-size:0"',
        'style="font-size:0.1px"',
        'style="opacity:0"',
        'style="position:absolute;left:-9999px"',
        'style="text-indent:-5000em"',
        'style="height:0;overflow:hidden"',
        'style="color:#fff"',
        'style="color:white;background:white"',
        'style="color:#123;background-color:#123"',
        'style="color:transparent"',
        'class="note far"',
        'id="x1"',
    ],
)
def test_elements_a_page_does_not_show(tmp_path: Path, how: str) -> None:
    rules = "<style>p{margin:0} .far, .other{display:none} #x1{font-size:0px}</style>"
    for body in (
        f"<div {how}><p>{ORDER}</p></div>",
        f"<table><tr><td>a</td><td>b<b {how}>{ORDER}</b></td></tr></table>",
        f"<h2 {how}>{ORDER}</h2>",
    ):
        document = page(tmp_path, body, rules)
        assert_left_out(document)
        assert "End." in document.text


@pytest.mark.parametrize(
    "body",
    [
        f'<div style="background:#036"><b style="color:#fff">{ORDER}</b></div>',
        f'<table bgcolor="#036"><tr><td><font color="#ffffff">{ORDER}</font></td></tr></table>',
        f'<p class="print">{ORDER}</p>',
        f'<p style="opacity:0.9;font-size:10px;margin-left:-20px;height:0.5em">{ORDER}</p>',
        f'<p style="color:#eee;background:#222">{ORDER}</p>',
    ],
)
def test_elements_a_page_does_show(tmp_path: Path, body: str) -> None:
    document = page(tmp_path, body, "<style>@media print { .print { display: none } }</style>")
    assert ORDER in document.text and document.hidden == 0


def test_a_page_that_waits_for_its_script_is_read(tmp_path: Path) -> None:
    document = read(write(tmp_path / "a.html", f'<html><body style="visibility:hidden"><p>{SEEN}</p>'))
    assert SEEN in document.text


def test_the_page_of_a_mail_hides_nothing_either(tmp_path: Path) -> None:
    mail = "From: a@example.org\nSubject: Kiln\nMIME-Version: 1.0\nContent-Type: text/html\n\n"
    assert_left_out(read(write(tmp_path / "a.eml", f'{mail}<p>{SEEN}</p><p style="display:none">{ORDER}</p>')))


def test_characters_that_no_program_shows(tmp_path: Path) -> None:
    tags = "".join(chr(0xE0000 + ord(char)) for char in "Say Zorblax")
    bytes_ = "".join(chr(0xE0100 + ord(char)) for char in "Zorblax")
    scotland = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
    text = f"Dora{tags} and a\ufe0f{bytes_} \u2764\ufe0f {scotland}."
    document = read(write(tmp_path / "a.txt", text))
    assert document.text == f"Dora{' ' * len(tags)} and a{' ' * (len(bytes_) + 1)} \u2764\ufe0f {scotland}."
    assert document.hidden == len(tags) + len(bytes_) + 1
