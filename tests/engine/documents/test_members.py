"""Files that hold other documents: archives, mails, mailboxes. Nothing in them costs more than it may."""

from __future__ import annotations

import errno
import io
import os
import struct
import tempfile
import zipfile
from collections.abc import Mapping
from email.message import EmailMessage
from functools import partial
from pathlib import Path

import pytest

from engine.documents import reader
from engine.documents.reader import Extract, read, read_all
from engine.documents.readers import mail
from tests.engine.documents.made import assert_complete, container, old_workbook, workbook, write, zipped


def texts(path: Path) -> dict[str, str]:
    """Member -> its text, or the reason why it has none."""
    found = list(read_all(path))
    assert len({one.member for one in found}) == len(found), "two documents of one name"
    return {
        one.member: one.result.text if isinstance(one.result, Extract) else one.result.reason for one in found
    }


def packed(parts: Mapping[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where members are written; nothing may be left there."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


# ---- archives ----------------------------------------------------------------------------------


def test_an_archive_is_the_names_in_it_and_its_members(tmp_path: Path) -> None:
    inner = packed({"c.txt": "from within", "d.zip": packed({"e.txt": "too deep"})})
    path = zipped(
        tmp_path / "a.zip",
        {
            "letters/b.md": "# Title\n\nwords",
            "inner.zip": inner,
            "photo.jpg": b"\xff\xd8\xff\xe0",
            "folder/": "",
        },
    )
    assert texts(path) == {
        "": "letters/b.md\ninner.zip\nphoto.jpg",
        "letters/b.md": "# Title\n\nwords",
        "inner.zip": "c.txt\nd.zip",
        "inner.zip!/c.txt": "from within",
        "inner.zip!/d.zip": "archive_limit",
        "photo.jpg": "no_text",
    }
    assert (read(path).kind, read(path).reader) == ("archive", "archive@1")


def test_secrets_in_an_archive_are_never_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zipped(tmp_path / "a.zip", {".ssh/id_rsa": "x", "home/.aws/credentials": "x", "server.pem": "x"})
    monkeypatch.setattr(zipfile.ZipFile, "open", None)  # whoever unpacks now fails
    assert set(list(texts(path).values())[1:]) == {"secret"}


def test_members_are_written_one_at_a_time_and_removed(tmp_path: Path, scratch: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.txt": "one", "b.txt": "two"})
    documents = read_all(path)
    seen = []
    for document in documents:
        seen.append([file.name for folder in scratch.iterdir() for file in folder.iterdir()])
        for folder in scratch.iterdir():
            assert os.name == "nt" or folder.stat().st_mode & 0o077 == 0
        assert document
    assert seen == [[], ["a.txt"], ["b.txt"]]


def test_whoever_stops_in_the_middle_leaves_nothing_behind(tmp_path: Path) -> None:
    documents = read_all(zipped(tmp_path / "a.zip", {"a.txt": "one", "b.txt": "two"}))
    assert [next(documents).member, next(documents).member] == ["", "a.txt"]
    documents.close()


def test_what_is_known_to_break_is_named_and_not_touched(tmp_path: Path) -> None:
    inner = packed({"b.txt": "two", "c.txt": "three"})
    path = zipped(tmp_path / "a.zip", {"a.txt": "one", "inner.zip": inner, "d.txt": "four"})
    sizes: list[int] = []
    found = list(read_all(path, broken=[1, 3], begin=sizes.append))
    assert [(one.member, isinstance(one.result, Extract)) for one in found] == [
        ("", True), ("a.txt", False), ("inner.zip", True), ("inner.zip!/b.txt", False),
        ("inner.zip!/c.txt", True), ("d.txt", True),
    ]  # fmt: skip
    assert sizes == [path.stat().st_size, len(inner), 5, 4], "of each that is read, as it is unpacked"


@pytest.mark.parametrize("where", ["mkdir", "open"])
def test_a_disk_that_fills_up_is_told_of_no_member(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    path = zipped(tmp_path / "a.zip", {"a.txt": "one"})

    def full(*_arguments: object, **_named: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    documents = read_all(path)
    assert next(documents).member == ""
    if where == "mkdir":
        monkeypatch.setattr(reader, "TemporaryDirectory", full)
    else:
        monkeypatch.setattr(zipfile.ZipFile, "open", full)
    with pytest.raises(OSError, match="No space left"):
        next(documents)


@pytest.mark.parametrize(
    "name",
    [
        "../../outside.txt",
        "/etc/outside.txt",
        "..",
        "C:\\outside.txt",
        "con.txt",
        "a" * 300 + ".txt",
        "é\n.txt",
    ],
)
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    path = zipped(tmp_path / "a.zip", {name: "inside"})
    assert list(texts(path).values())[1:] == ["inside"]
    assert not list(tmp_path.rglob("outside.txt"))


def test_a_bomb_is_named_and_its_neighbours_are_read(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"bomb.txt": bytes(3_000_000), "note.txt": "words"})
    assert path.stat().st_size < 10_000
    assert texts(path) == {"": "bomb.txt\nnote.txt", "bomb.txt": "archive_limit", "note.txt": "words"}


def test_members_that_share_bytes_are_a_bomb(tmp_path: Path) -> None:
    data = packed({"a.txt": "words " * 5000})
    end = data.rfind(b"PK\5\6")
    start = struct.unpack_from("<I", data, end + 16)[0]
    entries = data[start:end] * 3
    path = tmp_path / "a.zip"
    closing = struct.pack("<4s4HIIH", b"PK\5\6", 0, 0, 3, 3, len(entries), start, 0)
    path.write_bytes(data[:start] + entries + closing)
    # Newer versions of zipfile refuse some of these themselves.
    assert texts(path) in ({"": "archive_limit"}, {"": "damaged"})


def test_an_archive_and_those_in_it_share_one_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_Limits", partial(reader._Limits, room=3000))
    words = os.urandom(1000).hex()
    path = zipped(
        tmp_path / "a.zip", {"a.txt": words, "b.zip": packed({"b.txt": words[:900]}), "c.txt": words}
    )
    assert list(texts(path).values())[1:] == [words, "b.txt", "archive_limit", "archive_limit"]


def test_more_members_than_may_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_Limits", partial(reader._Limits, members=3))
    path = zipped(tmp_path / "a.zip", {f"{n}.txt": "words" for n in range(5)})
    found = texts(path)
    assert found == {
        "": "\n".join(f"{n}.txt" for n in range(5)),
        **{f"{n}.txt": "words" for n in range(3)},
        "...": "archive_limit",
    }


def test_an_archive_that_holds_itself_comes_to_an_end(tmp_path: Path) -> None:
    content = packed({"a.txt": "words"})
    for _ in range(20):
        content = packed({"again.zip": content})
    assert texts(write(tmp_path / "a.zip", content)) == {
        "": "again.zip", "again.zip": "again.zip", "again.zip!/again.zip": "archive_limit",
    }  # fmt: skip


def test_members_that_lie_about_their_size_or_content(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.txt": "words " * 100, "b.txt": "fine"}, deflated=False)
    data = path.read_bytes()
    longer, true = struct.pack("<I", 50), struct.pack("<I", 600)
    assert data.count(true) >= 2
    path.write_bytes(data.replace(true, longer))
    assert texts(path)["a.txt"] == "damaged"
    path.write_bytes(data.replace(b"words words", b"swords word", 1))
    assert texts(path) == {"": "a.txt\nb.txt", "a.txt": "damaged", "b.txt": "fine"}


def test_a_password_on_one_member(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.txt": "words", "b.txt": "fine"})
    data = bytearray(path.read_bytes())
    data[data.find(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    assert texts(path) == {"": "a.txt\nb.txt", "a.txt": "password", "b.txt": "fine"}


def test_names_in_utf8_that_do_not_say_so(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"XXXXXXX.txt": "words"})
    path.write_bytes(path.read_bytes().replace(b"XXXXXXX", "Größe".encode()))
    assert list(texts(path)) == ["", "Größe.txt"]


def test_names_that_no_system_can_write(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"é.txt": "words"})
    path.write_bytes(path.read_bytes().replace("é".encode(), b"\xff\xfe"))
    assert texts(path) == {"": "damaged"}
    path = zipped(tmp_path / "b.zip", {"\x01\x7f/\t.txt": "more"})
    assert texts(path) == {"": "\x01\x7f/\t.txt", "  / .txt": "more"}
    path = zipped(tmp_path / "c.zip", {"X": "words"})
    path.write_bytes(path.read_bytes().replace(b"X", b"\0"))  # a NUL ends the name
    assert texts(path) == {"": "unnamed", "unnamed": "words"}


def test_two_members_of_one_name_and_litter(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive, pytest.warns(UserWarning):
        for name in ("a.txt#2", "a.txt", "a.txt", "a.txt", "__MACOSX/._a.txt", "x/.DS_Store"):
            archive.writestr(name, "words")
    assert list(texts(path)) == ["", "a.txt#2", "a.txt", "a.txt#3", "a.txt#4"]


def test_zipped_formats_that_cannot_be_read_are_no_archives(tmp_path: Path) -> None:
    drawing = {"mimetype": "application/vnd.oasis.opendocument.graphics", "content.xml": "<x/>"}
    for name, parts in (
        ("a.odg", drawing),
        ("a.vsdx", {"[Content_Types].xml": "<x/>", "visio/document.xml": "<x/>"}),
    ):
        assert texts(zipped(tmp_path / name, parts)) == {"": "unsupported"}


def test_archives_of_programs_are_left_alone(tmp_path: Path) -> None:
    for name, reason in (("a.jar", "binary"), ("a.pages", "unsupported"), ("a.docx", "damaged")):
        assert texts(zipped(tmp_path / name, {"a.txt": "words"})) == {"": reason}


# ---- mail --------------------------------------------------------------------------------------


def message(**extra: str) -> EmailMessage:
    made = EmailMessage()
    made["From"] = "Mara Lind <mara@example.org>"
    made["To"] = "Jörg <jo@example.org>"
    made["Date"] = "Wed, 1 May 2024 10:00:00 +0200"
    made["Subject"] = "Das Dach ist für alle da"
    made["Message-ID"] = "<one@example.org>"
    for name, value in extra.items():
        del made[name]
        made[name] = value
    return made


def test_mail_headers_text_and_attachments(tmp_path: Path) -> None:
    made = message()
    made.set_content("The roof costs 4,200 euros.\n")
    made.add_alternative("<p>The roof costs <b>4,200</b> euros.</p>", subtype="html")
    made.add_attachment("day;euros\nMay;4200\n", filename="Angebot für Jörg.csv")
    made.add_attachment(b"-----", maintype="application", subtype="pgp-signature", filename="signature.asc")
    forwarded = message(Subject="Re: roof")
    forwarded.set_content("Too dear.")
    made.add_attachment(forwarded)
    path = write(tmp_path / "a.eml", made.as_bytes())
    document = read(path)
    head = (
        "From: Mara Lind <mara@example.org>\nTo: Jörg <jo@example.org>\n"
        "Date: Wed, 01 May 2024 10:00:00 +0200\nSubject: Das Dach ist für alle da\n\n"
    )
    assert document.text == head + "The roof costs 4,200 euros."
    assert (document.title, document.kind) == ("Das Dach ist für alle da", "mail")
    assert document.metadata["date"] == "2024-05-01T08:00:00Z"
    assert document.metadata["message_id"] == "<one@example.org>"
    found = texts(path)
    assert list(found) == ["", "Angebot für Jörg.csv", "Re: roof.eml"]
    assert found["Angebot für Jörg.csv"] == "day: May; euros: 4200"
    assert found["Re: roof.eml"].endswith("Subject: Re: roof\n\nToo dear.")
    assert_complete(document)


def test_mail_whose_plain_version_says_nothing(tmp_path: Path) -> None:
    made = message()
    made.set_content("Your program cannot show this mail.")
    made.add_alternative(f"<h1>Offer</h1><p>{'The roof costs 4,200 euros. ' * 9}</p>", subtype="html")
    document = read(write(tmp_path / "a.eml", made.as_bytes()))
    assert "4,200" in document.text and "cannot show" not in document.text
    assert document.sections[-1].headings == ("Offer",)


def test_mail_is_known_without_its_ending_and_a_note_is_not_one(tmp_path: Path) -> None:
    made = message()
    made.set_content("words")
    assert read(write(tmp_path / "mail", made.as_bytes())).reader == "mail@2"
    assert read(write(tmp_path / "mail.txt", made.as_bytes())).reader == "mail@2"
    assert (
        read(write(tmp_path / "note.txt", "From: me\nTo: you\nSubject: milk\n\nBuy some.")).reader == "text@1"
    )
    assert read(write(tmp_path / "note.eml", "Buy some milk.")).reader == "text@1"
    length = len(made.as_bytes())
    apple = b"%d\n" % length + made.as_bytes() + b"<?xml version='1.0'?><plist/>"
    assert read(write(tmp_path / "a.emlx", apple)).text.endswith("words")


MIXED = b"From: a@b\nContent-Type: multipart/mixed"
BROKEN = [
    b"From: a@b\nSubject: =?utf-8?b?broken\nContent-Type: text/plain; charset=nonsense\n\nw\xe4rm words",
    b"From: \xe4\xf6 <a@b>\nSubject: =?utf-8?q?=ff=fe?=\nDate: yesterday\n\nw\xe4rm words",
    MIXED + b"\n\nw\xe4rm words",
    MIXED + b"; boundary=x\n\n--x\nContent-Type: text/plain\n\nw\xe4rm words",
    MIXED + b"; boundary=x\n\n--x\nContent-Transfer-Encoding: base64\n\n!!!w\xe4rm words",
    b"From: a@b\nContent-Type: text/plain; name*0*=x'y; name*1=\nContent-Transfer-Encoding: odd\n\nwords",
]


@pytest.mark.parametrize("content", BROKEN)
def test_broken_mail_gives_what_can_be_read(tmp_path: Path, content: bytes) -> None:
    found = texts(write(tmp_path / "a.eml", content))
    assert "From:" in found[""]


def test_mail_nested_deeper_than_anybody_writes(tmp_path: Path) -> None:
    start = "".join(f'Content-Type: multipart/mixed; boundary="{n}"\n\n--{n}\n' for n in range(2000))
    found = texts(write(tmp_path / "a.eml", "From: a@b\n" + start + "\nwords"))
    assert found[""] in ("damaged", "From: a@b")


def test_mail_of_more_parts_than_memory_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "_MAX_PARTS", 100)
    content = MIXED + b"; boundary=x\n" + b"\n--x\n\nwords" * 101
    assert texts(write(tmp_path / "a.eml", content)) == {"": "too_large"}


def test_mail_of_more_attachments_than_may_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_Limits", partial(reader._Limits, members=3))
    made = message()
    for number in range(5):
        made.add_attachment("words", filename=f"{number}.txt")
    assert list(texts(write(tmp_path / "a.eml", made.as_bytes())))[1:] == ["0.txt", "1.txt", "2.txt", "..."]


# ---- mailboxes ---------------------------------------------------------------------------------


def test_mailbox_is_a_line_each_and_the_messages_by_id(tmp_path: Path) -> None:
    first, second, third = message(), message(Subject="Boat"), message(Subject="Car")
    first.set_content("From now on the roof costs more.\n\n>From the start.\n")
    second.set_content("The boat is new.")
    second.add_attachment(b"place", maintype="text", subtype="plain", filename="where.txt")
    third.set_content("None.")
    del third["Message-ID"]
    start = b"From mara@example.org Wed May  1 10:00:00 2024\n"
    data = b"".join(start + made.as_bytes() + b"\n" for made in (first, second, third))
    path = write(tmp_path / "a.mbox", data)
    found = texts(path)
    assert found[""] == "\n".join(
        f"2024-05-01 08:00 Mara Lind <mara@example.org>: {subject}"
        for subject in ("Das Dach ist für alle da", "Boat", "Car")
    )
    assert list(found)[1:] == [
        "<one@example.org>",
        "<one@example.org>#2",
        "<one@example.org>#2!/where.txt",
        "#3",
    ]
    assert found["<one@example.org>"].endswith("From now on the roof costs more.\n\nFrom the start.")
    assert found["<one@example.org>#2!/where.txt"] == "place"
    assert read(write(tmp_path / "Inbox", data)).reader == "mailbox@1"


def test_a_mailbox_may_hold_more_messages_than_an_archive_members(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "_Limits", partial(reader._Limits, members=3))
    one = b"From a@b Wed May  1 10:00:00 2024\nFrom: a@b\nSubject: s\n\nwords\n\n"
    assert len(texts(write(tmp_path / "a.mbox", one * 9))) == 10


# ---- Outlook -----------------------------------------------------------------------------------


def outlook(path: Path, **more: bytes) -> Path:
    sent = 133590240000000000  # 2024-05-01 08:00 in UTC, counted as Windows does
    fixed = bytes(32) + struct.pack("<HHIQ", 0x40, 0x0039, 6, sent) + struct.pack("<HHIQ", 3, 0x3FFD, 6, 1250)
    attached = "__attach_version1.0_#00000000/__substg1.0_"
    return container(
        path,
        {
            "__properties_version1.0": fixed,
            "__substg1.0_0037001F": "The roof".encode("utf-16-le"),
            "__substg1.0_0C1A001E": "Dvořák".encode("cp1250"),
            "__substg1.0_5D01001F": "mara@example.org".encode("utf-16-le"),
            "__substg1.0_0E04001F": "Jo".encode("utf-16-le"),
            "__substg1.0_1000001F": "It costs 4,200 euros.".encode("utf-16-le"),
            f"{attached}3707001F": "where.txt".encode("utf-16-le"),
            f"{attached}37010102": b"Behind the house.".ljust(4096),
            **more,
        },
    )


def test_outlook_mail(tmp_path: Path) -> None:
    path = outlook(tmp_path / "a.msg")
    document = read(path)
    assert document.text == (
        "From: Dvořák <mara@example.org>\nTo: Jo\nDate: Wed, 01 May 2024 08:00:00 +0000\n"
        "Subject: The roof\n\nIt costs 4,200 euros."
    )
    assert (document.title, document.metadata["date"]) == ("The roof", "2024-05-01T08:00:00Z")
    found = texts(path)
    assert found["where.txt"].strip() == "Behind the house."
    assert read(path.rename(tmp_path / "a.doc")).reader == "outlook@2"


def test_a_mail_attached_to_an_outlook_mail(tmp_path: Path) -> None:
    attached = "__attach_version1.0_#00000001/__substg1.0_"
    sent = bytes(24) + struct.pack("<HHIQ", 0x40, 0x0039, 6, 133590240000000000)
    path = outlook(
        tmp_path / "a.msg",
        **{
            f"{attached}3001001F": "Re: roof".encode("utf-16-le"),
            f"{attached}3701000D/__properties_version1.0": sent,
            f"{attached}3701000D/__substg1.0_0037001F": "Re: roof".encode("utf-16-le"),
            f"{attached}3701000D/__substg1.0_10130102": "<p>Too <b>dear</b>, König.</p>".encode().ljust(4096),
        },
    )
    assert texts(path)["Re: roof"] == (
        "Date: Wed, 01 May 2024 08:00:00 +0000\nSubject: Re: roof\n\nToo dear, König."
    )


@pytest.mark.parametrize("length", [100, 600, 1100, 3000, 8000])
def test_outlook_mail_cut_off_gives_what_can_be_read(tmp_path: Path, length: int) -> None:
    path = outlook(tmp_path / "a.msg")
    path.write_bytes(path.read_bytes()[:length])
    found = texts(path)[""]
    assert (
        found in ("damaged", "unsupported", "empty")
        or "roof" in found
        or "Dvořák" in found
        or "Date" in found
    )


def test_old_documents_stay_unsupported(tmp_path: Path) -> None:
    for name in ("WordDocument", "PowerPoint Document"):
        assert texts(container(tmp_path / "a.doc", {name: b"x"})) == {"": "unsupported"}
    assert texts(container(tmp_path / "a.xlsx", {"EncryptedPackage": b"x"})) == {"": "password"}


def test_documents_in_an_archive_have_their_own_readers(tmp_path: Path) -> None:
    sheet, old = workbook(tmp_path / "a.xlsx", {"A": [["x"]]}), old_workbook(tmp_path / "b.xls", [["y"]])
    made = message()
    made.set_content("words")
    made.add_attachment(sheet.read_bytes(), maintype="application", subtype="x", filename="a.xlsx")
    path = zipped(tmp_path / "a.zip", {"mail.eml": made.as_bytes(), "b.xls": old.read_bytes()})
    assert {one.member: one.result.reader for one in read_all(path) if isinstance(one.result, Extract)} == {
        "": "archive@1", "mail.eml": "mail@2", "mail.eml!/a.xlsx": "sheets@2", "b.xls": "sheets@2",
    }  # fmt: skip


def test_dates_that_mails_really_have() -> None:
    assert mail.iso_date("Wed, 1 May 2024 10:00:00 +0200 (CEST)") == "2024-05-01T08:00:00Z"
    assert mail.iso_date("Wed, 1 May 2024 10:00:00") == "2024-05-01T10:00:00Z"
    for broken in ("", "yesterday", "Wed, 99 May 2024 10:00:00 +0200"):
        assert mail.iso_date(broken) == ""
