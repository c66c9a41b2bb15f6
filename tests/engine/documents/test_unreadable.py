"""Every file that yields no text is named with a reason from the closed list; wrong names do not matter."""

from __future__ import annotations

import errno
import os
import sys
import zipfile
from pathlib import Path

import pytest

from engine.documents import reader
from engine.documents.reader import Unreadable, read
from engine.errors import REASONS
from tests.rights import ordinary_user

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)


def reason(path: Path) -> str:
    with pytest.raises(Unreadable) as caught:
        read(path)
    assert caught.value.reason in REASONS
    return caught.value.reason


def pdf(path: Path, text: str = "", password: str = "") -> Path:
    from reportlab.pdfgen import canvas

    sheet = canvas.Canvas(str(path), encrypt=password or None)
    if text:
        sheet.drawString(72, 750, text)
    else:
        sheet.rect(10, 10, 100, 100)
    sheet.showPage()
    sheet.save()
    return path


def docx(path: Path, text: str = "hello") -> Path:
    from docx import Document

    made = Document()
    made.add_paragraph(text)
    made.save(str(path))
    return path


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("empty.txt", b"", "empty"),
        ("empty.pdf", b"", "empty"),
        ("blank.md", b" \n\t\r\n ", "empty"),
        ("commas.csv", b",,,\n,,,\n", "empty"),
        ("tags.html", b"<html><body><div></div></body></html>", "empty"),
        ("noise.txt", bytes(range(256)) * 40, "binary"),
        ("noise.csv", b"a,b\n\x00\x01\x02\x03" * 50, "binary"),
        ("program", b"\x7fELF\x02\x01\x01" + bytes(100), "binary"),
        ("song.mp3", b"ID3\x04" + bytes(100), "binary"),
        ("photo.txt", b"\x89PNG\r\n\x1a\n" + bytes(100), "no_text"),
        ("photo.nef", b"II*\0" + bytes(100), "unsupported"),
        ("photo.jpg", b"\xff\xd8\xff\xe0" + bytes(100), "no_text"),
        ("letter.rtf", b"{\\rtf1 }", "empty"),
        ("letter.doc", OLE, "unsupported"),
        ("sheet.xlsx", b"PK\x03\x04 cut off", "damaged"),
        ("broken.pdf", b"%PDF-1.7\nnothing of a PDF follows\n%%EOF", "damaged"),
        ("noise.pdf", bytes(range(256)) * 10, "damaged"),
        ("broken.docx", b"PK\x03\x04 cut off", "damaged"),
        ("secret.pem", b"text", "secret"),
        ("locked.docx", OLE + "EncryptedPackage".encode("utf-16-le") + bytes(100), "password"),
    ],
)
def test_reason(tmp_path: Path, name: str, content: bytes, expected: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert reason(path) == expected
    assert path.read_bytes() == content


def test_password_protected_pdf(tmp_path: Path) -> None:
    assert reason(pdf(tmp_path / "a.pdf", "hello", password="open sesame")) == "password"


def test_pdf_of_pictures(tmp_path: Path) -> None:
    assert reason(pdf(tmp_path / "scan.pdf")) == "no_text"


def test_pdf_cut_in_the_middle_is_read_in_part_or_called_damaged(tmp_path: Path) -> None:
    path = pdf(tmp_path / "a.pdf", "hello")
    path.write_bytes(path.read_bytes()[:200])
    assert reason(path) in ("damaged", "no_text")


def test_docx_whose_document_is_not_xml(tmp_path: Path) -> None:
    path = tmp_path / "a.docx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "<w:document")
    assert reason(path) == "damaged"


def test_docx_that_unpacks_to_a_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.documents.readers import package

    monkeypatch.setattr(package, "MAX_PART", 10_000)
    path = tmp_path / "a.docx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", "<a>" + " " * 1_000_000 + "</a>")
    assert path.stat().st_size < 10_000
    assert reason(path) == "too_large"


def test_docx_entities_are_not_expanded(tmp_path: Path) -> None:
    secret = tmp_path / "outside.txt"
    secret.write_text("outside")
    path = tmp_path / "a.docx"
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    body = (
        f'<w:document xmlns:w="{space}"><w:body><w:p><w:r><w:t>in &e;</w:t></w:r></w:p></w:body></w:document>'
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", f'<!DOCTYPE d [<!ENTITY e SYSTEM "file://{secret}">]>{body}')
    assert "outside" not in read(path).text


def test_text_over_the_limit_is_refused_and_up_to_it_read_in_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log.txt"
    with path.open("wb") as file:
        file.write(b"start of the log\n")
        file.truncate(reader.MAX_TEXT + 1)  # a hole: takes no disk
    assert reason(path) == "too_large"
    line = b"2024-05-01 12:00:00 worker 17 did something worth a line\n"
    monkeypatch.setattr(reader, "MAX_TEXT", 1000 * len(line))
    path.write_bytes(line * 1000)
    assert len(read(path).text) == 1000 * len(line)
    path.write_bytes(line * 1000 + b"x")
    assert reason(path) == "too_large"


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are set the Unix way")
def test_file_without_permission(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("hello")
    read(path)  # what reading imports may not be readable any more once the rights are dropped
    path.chmod(0)
    with ordinary_user(tmp_path):
        assert reason(path) == "unreadable"


def test_permission_refused_by_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.txt"
    path.write_text("hello")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert reason(path) == "unreadable"


def test_what_says_nothing_of_the_file_is_no_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.txt"
    path.write_text("text")

    def full(_path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(reader, "_look", full)
    with pytest.raises(OSError, match="No space left"):
        reader.read(path)


def test_missing_file_and_things_that_are_no_files(tmp_path: Path) -> None:
    assert reason(tmp_path / "gone.txt") == "vanished"
    assert reason(tmp_path) == "unsupported"
    if sys.platform != "win32":
        os.mkfifo(tmp_path / "pipe.txt")
        assert reason(tmp_path / "pipe.txt") == "unsupported"
        (tmp_path / "loop.txt").symlink_to(tmp_path / "loop.txt")
        assert reason(tmp_path / "loop.txt") == "unreadable"


def test_link_to_a_secret_is_not_read(tmp_path: Path) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "config").write_text("Host home")
    (tmp_path / "harmless.txt").symlink_to(tmp_path / ".ssh" / "config")
    assert reason(tmp_path / "harmless.txt") == "secret"


def test_a_surprise_in_a_reader_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def surprise(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(reader, "_draft", lambda *_: surprise(None))
    path = tmp_path / "a.txt"
    path.write_text("hello")
    with pytest.raises(Unreadable, match="unknown: ZeroDivisionError"):
        read(path)


def test_wrong_names_are_read_by_content(tmp_path: Path) -> None:
    assert read(pdf(tmp_path / "a.txt", "from a pdf")).reader == "pdf@3"
    assert read(docx(tmp_path / "b.txt")).reader == "word@2"
    for name, content, expected in (
        ("c.txt", "<!DOCTYPE html><p>hi</p>", "html@3"),
        ("d.pdf", "plain words", "text@1"),
        ("e.docx", "plain words", "text@1"),
        ("f.pdf", "<html><p>hi</p></html>", "html@3"),
        ("g.unheard-of", "plain words", "text@1"),
        ("README", "plain words", "text@1"),
        ("Makefile", "all:\n\ttrue", "code@1"),
        ("h.md", "<html>is how a note about HTML may begin", "markdown@1"),
    ):
        path = tmp_path / name
        path.write_text(content)
        assert read(path).reader == expected, name


def test_a_pdf_is_not_called_locked_because_the_one_before_was(tmp_path: Path) -> None:
    def pdf(name: str, rest: bytes) -> Path:
        content = b"%PDF-1.5\n"
        places = b"0000000000 65535 f \n"
        for number, body in ((1, b"<</Type/Catalog/Pages 2 0 R>>"), (2, b"<</Type/Pages/Kids[]/Count 0>>")):
            places += b"%010d 00000 n \n" % len(content)
            content += b"%d 0 obj\n%s\nendobj\n" % (number, body)
        table = b"xref\n0 3\n%strailer<</Size 3/Root 1 0 R%s>>\n" % (places, rest)
        path = tmp_path / name
        path.write_bytes(content + table + b"startxref\n%d\n%%%%EOF" % len(content))
        return path

    lock = b"/ID[<00><00>]/Encrypt<</Filter/Standard/V 2/R 3/Length 128/P -4/O<%s>/U<%s>>>"
    with pytest.raises(Unreadable, match="password"):
        read(pdf("locked.pdf", lock % (b"11" * 32, b"22" * 32)))
    with pytest.raises(Unreadable, match="empty"):
        read(pdf("no pages.pdf", b""))
