"""`nocturne bench reading`: both ways of reading a folder of small files."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from engine.bench import bare_text, reading
from engine.bench.reading import Compared
from engine.cli import main
from engine.paths import Home
from tests.engine.documents import made

pytestmark = pytest.mark.process

SENTENCE = "The rent of the flat in Riga is 940 euros a month, and the key hangs behind the door."


def test_words_are_compared_as_bags() -> None:
    assert reading.f1("The rent, the RENT", "rent the rent the") == 1.0
    assert reading.f1("rent: 940", "rent") == pytest.approx(2 / 3)
    assert reading.f1("", "rent") == reading.f1("", "") == 0.0


def test_each_library_used_bare_gives_the_text(tmp_path: Path) -> None:
    made.workbook(tmp_path / "a.xlsx", {"Rents": [["Flat", "Rent"], ["Riga", 940]]})
    made.write(tmp_path / "b.csv", "Flat;Rent\nRiga;940\n")
    made.write(tmp_path / "c.html", f"<script>no</script><p>{SENTENCE}</p>")
    made.write(tmp_path / "d.rtf", r"{\rtf1 The rent.}")
    made.write(tmp_path / "e.eml", "Subject: Rent\nContent-Type: text/html\n\n<p>It is <b>940</b> euros.</p>")
    made.write(tmp_path / "f.txt", "Mieten in Köln")
    with zipfile.ZipFile(tmp_path / "g.docx", "w") as package:
        package.writestr(
            "word/document.xml", "<d><p><r><t>One</t></r><r><t>word</t></r></p><p><t>two</t></p></d>"
        )
    words = {path.name: " ".join((bare_text.text(path) or "").split()) for path in tmp_path.iterdir()}
    assert words == {
        "a.xlsx": "Flat Rent Riga 940.0",
        "b.csv": "Flat Rent Riga 940",
        "c.html": SENTENCE,
        "d.rtf": "The rent.",
        "e.eml": "It is 940 euros.",
        "f.txt": "Mieten in Köln",
        "g.docx": "Oneword two",
    }
    assert bare_text.text(tmp_path / "h.zip") is None


def test_shares_count_what_can_be_compared_and_every_reason() -> None:
    found = [
        Compared("a.pdf", "pdf", "", 0.95),
        Compared("b.pdf", "pdf", "damaged", 0.0),  # the bare library reads it
        Compared("c.png", "png", "no_text"),
        Compared("d", "none", "made_up"),
        Compared("e", "none", "unknown"),
    ]
    table = {row.name: row for row in reading.rows(found)}
    assert table["F1 of 0.9 or more, of 2 files"].value == 50
    assert table["F1 of 0.9 or more, pdf, of 2"].value == 50
    assert table["skipped or failed without a code of the list"].value == 1
    assert table["unknown"].value == 20 and not table["unknown"].met
    assert table["left out: damaged"].value == 1


def test_a_folder_is_read_both_ways(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    made.write(folder / "rent.txt", SENTENCE)
    made.write(folder / "short.txt", "940 euros")
    made.write(folder / "broken.docx", b"PK\x03\x04 and no more")
    made.write(folder / "id_rsa", SENTENCE)
    assert main(["bench", "reading", "--folder", str(folder), "--home", str(home.root), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    table = {row["name"]: row["value"] for row in found["rows"]}
    assert table["files"] == 4 and table["F1 of 0.9 or more, of 1 files"] == 100
    assert table["left out: secret"] == table["left out: damaged"] == 1 and found["worst"] == []
    assert main(["bench", "reading", "--home", str(home.root)]) == 2
    assert "--folder DIR" in capsys.readouterr().err
