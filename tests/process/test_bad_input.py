"""A folder with everything that can be wrong: each file gets its reason, the rest is indexed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine import cli
from engine.documents import ocr
from engine.errors import REASONS

pytestmark = pytest.mark.process


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NOCTURNE_FAKE_MODELS", "1")
    folder = tmp_path / "files"
    (folder / "inner").mkdir(parents=True)
    (folder / "good.md").write_text("The password of the wifi is written under the blue vase.\n")
    (folder / "inner" / "loop").symlink_to(folder)
    (folder / "empty.txt").write_bytes(b"")
    (folder / "blank.txt").write_text(" \n\n\t\n")
    (folder / "program.txt").write_bytes(bytes(range(256)) * 64)
    (folder / "huge.txt").write_text(("word " * 19 + "line\n") * 550_000)
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7\nthis is not a PDF beyond its first line\n")
    (folder / "broken.docx").write_bytes(b"PK\x03\x04 no archive")
    (folder / "id_rsa").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    (folder / "node_modules").mkdir()
    (folder / "node_modules" / "index.js").write_text("module.exports = 1")
    _pdf(folder / "locked.pdf", password="secret")
    _scan(folder / "scan.pdf")
    return folder


def _pdf(path: Path, password: str) -> None:
    from reportlab.lib.pdfencrypt import StandardEncryption
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(path), encrypt=StandardEncryption(password), invariant=True)
    canvas.drawString(72, 700, "Nobody may read this.")
    canvas.save()


def _scan(path: Path) -> None:
    """A page that is a picture: lines are drawn, no text is set."""
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(path), invariant=True)
    for y in range(100, 700, 20):
        canvas.line(72, y, 500, y)
    canvas.save()


EXPECTED = {
    "empty.txt": "empty",
    "blank.txt": "empty",
    "program.txt": "binary",
    "huge.txt": "too_large",
    "broken.pdf": "damaged",
    "broken.docx": "damaged",
    "id_rsa": "secret",
    "node_modules": "ignored",
    "locked.pdf": "password",
    # A blank page: with the extra `ocr` it was looked at, and nothing was there.
    "scan.pdf": "no_words" if ocr.is_installed() else "no_text",
}


def run(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert cli.main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_every_bad_file_has_its_reason_and_the_good_one_is_found(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    done = run(capsys, "index", str(folder))
    assert done["files"] == len(EXPECTED) + 1 == done["indexed"] + done["skipped"] + done["failed"]
    assert done["indexed"] == 1
    status = run(capsys, "status")
    assert {Path(p["path"]).name: p["reason"] for p in status["problems"]} == EXPECTED
    assert all(REASONS[p["reason"]].message and REASONS[p["reason"]].hint for p in status["problems"])
    found = run(capsys, "search", "wifi")["results"]
    assert [Path(passage["path"]).name for passage in found] == ["good.md"]
    again = run(capsys, "index", str(folder))
    assert {key: again[key] for key in ("files", "indexed", "skipped", "failed")} == {
        key: done[key] for key in ("files", "indexed", "skipped", "failed")
    }


def test_a_text_file_just_below_the_limit_is_indexed_in_full(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOCTURNE_FAKE_MODELS", "1")
    folder = tmp_path / "files"
    folder.mkdir()
    lines = [f"Entry {number} of the long log says nothing new." for number in range(60_000)]
    (folder / "long.txt").write_text("\n".join([*lines, "The very last line names the heron Zebedee."]))
    assert run(capsys, "index", str(folder))["indexed"] == 1
    assert "Zebedee" in run(capsys, "search", "heron Zebedee", "-k", "1")["results"][0]["text"]
