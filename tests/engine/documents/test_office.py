"""Sheets, slides, OpenDocument, books and RTF, read from small files made here."""

from __future__ import annotations

import datetime
import zipfile
from pathlib import Path

import pytest

from engine.documents.reader import Unreadable, read
from engine.documents.readers import package, sheets
from tests.engine.documents.made import (
    assert_complete,
    book,
    old_workbook,
    open_document,
    under,
    workbook,
    write,
    zipped,
)

# ---- sheets ------------------------------------------------------------------------------------


def test_rows_of_a_sheet_can_be_understood_alone(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "costs.xlsx",
        {
            "Roof": [
                ["Costs of the roof"],
                ["Item", "Day", "Euros"],
                ["Tiles", datetime.datetime(2024, 5, 1), 4200.0],
                ["Wood", datetime.datetime(2024, 5, 2, 14, 30), 99.5],
            ],
            "Sheet2": [["plain", True, 0.1 + 0.2]],
        },
    )
    document = read(path)
    assert (document.reader, document.kind, document.pages) == ("sheets@2", "sheet", 2)
    assert under(document, "Roof").strip() == (
        "Roof\n\nCosts of the roof\n\n"
        "Item: Tiles; Day: 2024-05-01; Euros: 4200\nItem: Wood; Day: 2024-05-02 14:30; Euros: 99.5"
    )
    assert under(document) == "plain | TRUE | 0.3"
    assert [section.page for section in document.sections] == [1, 2]
    assert_complete(document)


def test_a_table_goes_on_below_a_blank_row_and_another_one_begins(tmp_path: Path) -> None:
    rows: list[list[object]] = [
        ["Name", "Age"],
        ["Jo", 3],
        [],
        ["Ida", 4],
        [],
        ["City", "People"],
        ["Oslo", 700],
    ]
    text = read(workbook(tmp_path / "a.xlsx", {"Sheet1": rows})).text
    assert text == "Name: Jo; Age: 3\n\nName: Ida; Age: 4\n\nCity: Oslo; People: 700"


def test_old_excel_and_open_document_sheets(tmp_path: Path) -> None:
    old = read(old_workbook(tmp_path / "a.xls", [["Item", "Euros"], ["Tiles", 4200]]))
    assert (old.text, old.reader) == ("Costs\n\nItem: Tiles; Euros: 4200", "sheets@2")
    cells = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
    body = "".join(
        f"<table:table-row>{cells.format(first)}{cells.format(second)}</table:table-row>"
        for first, second in (("Item", "Euros"), ("Tiles", "many"))
    )
    path = open_document(
        tmp_path / "a.ods", "spreadsheet", f'<table:table table:name="Roof">{body}</table:table>'
    )
    assert read(path).text == "Roof\n\nItem: Tiles; Euros: many"


def test_two_cells_far_apart_take_no_memory_for_those_between(tmp_path: Path) -> None:
    from openpyxl import Workbook

    made = Workbook()
    made.active["A1"], made.active["XFD1048576"] = "first", "last"
    made.save(tmp_path / "sparse.xlsx")
    with pytest.raises(Unreadable, match="too_large: cells"):
        read(tmp_path / "sparse.xlsx")


def test_a_sheet_that_unpacks_to_a_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "_MAX_UNPACKED", 30_000)
    path = workbook(tmp_path / "a.xlsx", {"A": [["x" * 30_000]] * 9})
    assert path.stat().st_size < 30_000
    with pytest.raises(Unreadable, match="too_large: unpacked"):
        read(path)


def test_a_sheet_with_a_password(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", {"A": [["x"]]})
    data = bytearray(path.read_bytes())
    at = 0
    while (at := data.find(b"PK\x01\x02", at)) >= 0:
        data[at + 8] |= package.ENCRYPTED
        at += 4
    path.write_bytes(data)
    with pytest.raises(Unreadable, match="password"):
        read(path)


# ---- slides ------------------------------------------------------------------------------------


def test_slides_have_numbers_titles_tables_and_notes(tmp_path: Path) -> None:
    from pptx import Presentation
    from pptx.util import Inches

    made = Presentation()
    made.core_properties.title = "Yearly plan"
    first = made.slides.add_slide(made.slide_layouts[1])
    first.shapes.title.text = "Garden"
    first.placeholders[1].text = "Water the roses"
    first.placeholders[1].text_frame.add_paragraph().text = "every day"
    first.placeholders[1].text_frame.paragraphs[1].level = 1
    first.notes_slide.notes_text_frame.text = "Mention the well."
    second = made.slides.add_slide(made.slide_layouts[6])
    table = second.shapes.add_table(2, 2, Inches(1), Inches(1), Inches(4), Inches(1)).table
    for down, row in enumerate((("Tool", "Price"), ("Saw", "30"))):
        for across, text in enumerate(row):
            table.cell(down, across).text = text
    made.save(str(tmp_path / "plan.pptx"))
    document = read(tmp_path / "plan.pptx")
    assert (document.title, document.pages, document.kind) == ("Yearly plan", 2, "slides")
    assert under(document, "Garden").strip() == "Garden\n\nWater the roses\n  every day\n\nMention the well."
    assert under(document) == "Tool: Saw; Price: 30"
    assert [section.page for section in document.sections] == [1, 2]
    assert_complete(document)


def test_slides_cut_off_or_without_their_main_part(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.pptx", {"ppt/presentation.xml": "<p:presentation"})
    with pytest.raises(Unreadable, match="damaged"):
        read(path)


# ---- OpenDocument ------------------------------------------------------------------------------

LETTER = """<text:h text:outline-level="1">Garden</text:h>
<text:p>Water the<text:s text:c="2"/>roses.<text:note><text:note-citation>1</text:note-citation>
<text:note-body><text:p>Not the cactus.</text:p></text:note-body></text:note> Daily.</text:p>
<text:list><text:list-item><text:p>saw</text:p><text:list><text:list-item><text:p>blade</text:p></text:list-item>
</text:list></text:list-item></text:list>
<text:h text:outline-level="2">Prices</text:h>
<table:table><table:table-header-rows><table:table-row><table:table-cell><text:p>Tool</text:p></table:table-cell>
<table:table-cell><text:p>Price</text:p></table:table-cell></table:table-row></table:table-header-rows>
<table:table-row><table:table-cell><text:p>Saw</text:p></table:table-cell>
<table:table-cell><text:p>30</text:p></table:table-cell></table:table-row></table:table>
<text:tracked-changes><text:p>deleted words</text:p></text:tracked-changes>"""


def test_open_document_text(tmp_path: Path) -> None:
    document = read(open_document(tmp_path / "a.odt", "text", LETTER, title="House rules"))
    assert (document.title, document.metadata) == ("House rules", {"author": "Mara Lind"})
    assert under(document, "Garden").strip() == (
        "Garden\n\nWater the  roses. Daily.\n\nNot the cactus.\n- saw\n  - blade"
    )
    assert under(document, "Garden", "Prices") == "Prices\n\nTool: Saw; Price: 30"
    assert_complete(document)


def test_open_document_slides(tmp_path: Path) -> None:
    frame = "<draw:frame{}><draw:text-box><text:p>{}</text:p></draw:text-box></draw:frame>"
    page = (
        "<draw:page>"
        + frame.format("", "Body {0}")
        + frame.format(' presentation:class="title"', "Title {0}")
    )
    slide = f"{page}<presentation:notes>{frame.format('', 'Aside {0}')}</presentation:notes></draw:page>"
    document = read(open_document(tmp_path / "a.odp", "presentation", slide.format(1) + slide.format(2)))
    assert (document.title, document.pages, document.reader) == ("Title 1", 2, "odp@1")
    assert under(document, "Title 2") == "Title 2\n\nBody 2\n\nAside 2"
    assert [section.page for section in document.sections] == [1, 2]


def test_open_document_with_a_password(tmp_path: Path) -> None:
    manifest = '<m xmlns="urn:x"><file-entry><encryption-data/></file-entry></m>'
    media = "application/vnd.oasis.opendocument.text"
    path = zipped(
        tmp_path / "a.odt", {"mimetype": media, "META-INF/manifest.xml": manifest, "content.xml": "?"}
    )
    with pytest.raises(Unreadable, match="password"):
        read(path)


def test_open_document_nested_deeper_than_anybody_writes(tmp_path: Path) -> None:
    body = "<text:section>" * 5000 + "<text:p>deep</text:p>" + "</text:section>" * 5000
    with pytest.raises(Unreadable, match="damaged"):
        read(open_document(tmp_path / "a.odt", "text", body))


# ---- books -------------------------------------------------------------------------------------


def test_chapters_of_a_book_in_order_of_reading(tmp_path: Path) -> None:
    chapters = {
        "b.xhtml": "<h1>The river</h1><p>It was&#160;cold.</p><h2>Ice</h2><p>Thick ice.</p>",
        "a%20b.xhtml": "<p>Nobody came.</p>",
    }
    contents = '<ol><li><a href="a%2520b.xhtml#start">The end</a></li></ol>'
    document = read(book(tmp_path / "mill.epub", chapters, contents))
    assert (document.title, document.metadata["author"], document.kind) == ("The Mill", "Mara Lind", "book")
    assert "Thick ice." in under(document, "The river", "Ice")
    assert document.text.startswith("The river\n\nIt was")
    assert_complete(document)


def test_a_chapter_without_headings_is_named_by_the_table_of_contents(tmp_path: Path) -> None:
    contents = '<ol><li><a href="a.xhtml#start">The end</a></li></ol>'
    document = read(book(tmp_path / "a.epub", {"a.xhtml": "<p>Nobody came.</p>"}, contents))
    assert under(document, "The end") == "Nobody came."


def test_a_book_under_copy_protection(tmp_path: Path) -> None:
    rule = "<EncryptedData><EncryptionMethod Algorithm='{}'/></EncryptedData>"
    aes, font = "http://www.w3.org/2001/04/xmlenc#aes128-cbc", "http://www.idpf.org/2008/embedding"
    for algorithm, is_locked in ((aes, True), (font, False)):
        rules = f"<encryption>{rule.format(algorithm)}</encryption>"
        path = book(tmp_path / "a.epub", {"a.xhtml": "<p>words</p>"}, **{"META-INF/encryption.xml": rules})
        if is_locked:
            with pytest.raises(Unreadable, match="password"):
                read(path)
        else:
            assert read(path).text == "words"


# ---- RTF ---------------------------------------------------------------------------------------

RTF = rb"""{\rtf1\ansi\ansicpg1250\deff0{\fonttbl{\f0\fswiss\fcharset238 Arial;}}
{\info{\title House rules}{\author Mara Lind}}{\stylesheet{\s1\outlinelevel0 heading 1;}}
\pard\s1\outlinelevel0 Garden\par
\pard Dvo\'f8\'e1k waters {\b roses}; a\u8364?uro | each.\par
\trowd\cellx100\cellx200 Saw\cell 30\cell\row
\pard\outlinelevel1 Tools\par\pard Rake{\*\hidden secret words}\par}"""


def test_rtf_text_headings_and_code_page(tmp_path: Path) -> None:
    document = read(write(tmp_path / "a.rtf", RTF))
    assert (document.title, document.metadata, document.kind) == (
        "House rules",
        {"author": "Mara Lind"},
        "word",
    )
    assert under(document, "Garden").strip() == "Garden\nDvořák waters roses; a€uro | each.\nSaw | 30"
    assert under(document, "Garden", "Tools") == "Tools\nRake"
    assert_complete(document)


def test_rtf_pictures_are_passed_over(tmp_path: Path) -> None:
    picture = b"\n".join([b"ffd8ffe0" * 16] * 50)
    content = rb"{\rtf1 before {\pict\jpegblip " + picture + rb"} after 1234567890\par}"
    assert read(write(tmp_path / "a.rtf", content)).text == "before  after 1234567890"


@pytest.mark.parametrize(
    "content", [rb"{\rtf1 {\pict\bin hello", rb"{\rtf1\ansicpg99999 hello", b"{\\rtf1" + b"{" * 9999]
)
def test_broken_rtf_gives_text_or_a_reason(tmp_path: Path, content: bytes) -> None:
    try:
        assert "hello" in read(write(tmp_path / "a.rtf", content)).text
    except Unreadable as problem:
        assert problem.reason in ("damaged", "empty")


# ---- by content --------------------------------------------------------------------------------


def test_zipped_documents_are_known_by_what_they_hold(tmp_path: Path) -> None:
    assert read(workbook(tmp_path / "a.txt", {"A": [["x"]]})).reader == "sheets@2"
    assert read(old_workbook(tmp_path / "b.doc", [["x"]])).reader == "sheets@2"
    assert read(open_document(tmp_path / "c.zip", "text", "<text:p>x</text:p>")).reader == "odt@1"
    assert read(book(tmp_path / "d", {"a.xhtml": "<p>x</p>"})).reader == "book@2"
    assert read(write(tmp_path / "e.doc", RTF)).reader == "rtf@1"


def test_a_zip_with_too_many_names_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = workbook(tmp_path / "a.xlsx", {"A": [["x"]]})
    monkeypatch.setattr(package, "MAX_DIRECTORY", 100)
    monkeypatch.setattr(zipfile, "ZipFile", None)  # whoever opens it now fails
    with pytest.raises(Unreadable, match="archive_limit"):
        read(path)
