"""What holds for every format alike: exact sections and passages, and a reason for what is broken."""

from __future__ import annotations

import random
import zipfile
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from engine.documents import extract, formats
from engine.documents.passages import cut
from engine.documents.reader import Extract, Unreadable, read, read_all
from engine.documents.readers import package, sheets
from engine.errors import REASONS
from tests.engine.documents.made import assert_complete, samples


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return samples(tmp_path_factory.mktemp("samples"))


NAMES = sorted({format.name for format in formats.FORMATS} | {"sheets, old"})


def test_there_is_a_sample_of_each_format(made: dict[str, Path]) -> None:
    assert sorted(made) == NAMES


@pytest.mark.parametrize("name", sorted({*NAMES} - {"picture"}))
def test_text_sections_and_passages_agree(made: dict[str, Path], name: str) -> None:
    document = read(made[name])
    assert document.reader == f"{name.partition(',')[0]}@{document.reader.partition('@')[2]}"
    assert formats.is_current(document.reader)
    assert "\r" not in document.text
    assert_complete(document)
    spans = cut(
        document, name="a", folder="b", count_tokens=lambda text: len(text.split()), window=16, target=16
    )
    reached = 0
    for span in spans:
        body = document.text[span.start : span.end]
        assert body and body == body.strip()
        assert not document.text[reached : span.start].strip()
        reached = span.end
    assert not document.text[reached:].strip()
    assert all(1 <= section.page <= (document.pages or 0) for section in document.sections if section.page)


def broken(content: bytes, seed: int) -> Iterator[bytes]:
    """Cut off, with a hole, with wrong bytes, with a part twice."""
    chance = random.Random(seed)
    for _ in range(8):
        at, size = chance.randrange(len(content)), chance.randrange(1, 40)
        yield content[:at]
        yield content[:at] + bytes(size) + content[at + size :]
        wrong = bytearray(content)
        for _ in range(size):
            wrong[chance.randrange(len(wrong))] = chance.randrange(256)
        yield bytes(wrong)
        yield content[:at] + content[max(0, at - size) :]


@pytest.mark.parametrize("name", NAMES)
def test_a_broken_file_gives_text_or_a_reason(made: dict[str, Path], name: str, tmp_path: Path) -> None:
    path = tmp_path / made[name].name
    for content in broken(made[name].read_bytes(), seed=NAMES.index(name)):
        path.write_bytes(content)
        for document in read_all(path):
            if isinstance(document.result, Unreadable):
                assert document.result.reason in REASONS
                assert document.result.reason != "unknown", document.result.detail
            else:
                assert_complete(document.result)
        assert path.read_bytes() == content


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_lies_changes_no_reason_into_a_surprise(
    made: dict[str, Path], name: str, tmp_path: Path
) -> None:
    for ending in [*sorted(formats.KINDS)[::40], ""]:
        path = tmp_path / f"a.{ending}"
        path.write_bytes(made[name].read_bytes())
        for document in read_all(path):
            assert isinstance(document.result, Extract) or document.result.reason != "unknown"


# ---- hostile on purpose ------------------------------------------------------------------------

LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {name} "{f"&{before};" * 50}">' for before, name in pairwise("abcdefgh")
)  # 50 to the power of 7
PARTS = {"word": "word/document.xml", "slides": "ppt/slides/slide1.xml", "sheets": "xl/worksheets/sheet1.xml",
         "odt": "content.xml", "odp": "content.xml", "book": "OEBPS/a.xhtml"}  # fmt: skip


def rewritten(source: Path, target: Path, part: str, change: Callable[[bytes], bytes]) -> Path:
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        assert part in old.namelist()
        for name in old.namelist():
            new.writestr(name, change(old.read(name)) if name == part else old.read(name))
    return target


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("external", [False, True])
def test_entities_are_neither_expanded_nor_fetched(
    made: dict[str, Path], name: str, external: bool, tmp_path: Path
) -> None:
    secret = tmp_path / "outside.txt"
    secret.write_text("outside")
    start = f'<!DOCTYPE x [<!ENTITY h SYSTEM "file://{secret}">' if external else LAUGHS

    def change(part: bytes) -> bytes:
        assert b"Oslo" in part
        declaration, _, rest = part.rpartition(b"?>")
        return (
            declaration
            + (b"?>" if declaration else b"")
            + f"{start}]>".encode()
            + rest.replace(b"Oslo", b"Oslo &h;")
        )

    path = rewritten(made[name], tmp_path / made[name].name, PARTS[name], change)
    try:
        text = read(path).text
    except Unreadable as problem:
        assert problem.reason in ("damaged", "empty", "no_text")
    else:
        assert "outside" not in text and len(text) < 1000


@pytest.mark.parametrize("name", PARTS)
def test_a_part_that_unpacks_to_a_bomb(
    made: dict[str, Path], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package, "MAX_PART", 500_000)
    monkeypatch.setattr(sheets, "_MAX_UNPACKED", 500_000)
    path = rewritten(
        made[name], tmp_path / made[name].name, PARTS[name], lambda part: part + b" " * 1_000_000
    )
    assert path.stat().st_size < 100_000
    with pytest.raises(Unreadable, match="too_large"):
        read(path)


@pytest.mark.parametrize("name", PARTS)
def test_elements_nested_beyond_reason(made: dict[str, Path], name: str, tmp_path: Path) -> None:
    def change(part: bytes) -> bytes:
        return part.replace(b"Oslo", b"<b>" * 20_000 + b"Oslo" + b"</b>" * 20_000)

    path = rewritten(made[name], tmp_path / made[name].name, PARTS[name], change)
    if name == "sheets":  # its parser does not mind the depth
        assert "room" in read(path).text
    else:
        with pytest.raises(Unreadable, match="damaged"):
            read(path)


def test_a_hundred_thousand_columns(tmp_path: Path) -> None:
    names, values = ([f"{letter}{n}" for n in range(100_000)] for letter in "cv")
    path = tmp_path / "a.csv"
    path.write_text(",".join(names) + "\n" + ",".join(values) + "\n")
    document = read(path)
    assert document.text.endswith("c99999: v99999")
    assert_complete(document)


def test_a_table_that_grows_when_its_header_is_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extract, "MAX_TEXT", 10_000)
    path = tmp_path / "a.csv"
    path.write_text(f"{'name' * 30},b\n" + "x,\n" * 500)
    assert path.stat().st_size < 5000
    with pytest.raises(Unreadable, match="too_large"):
        read(path)
