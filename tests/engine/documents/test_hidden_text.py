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
    assert_left_out(
        read(write(tmp_path / "a.eml", f'{mail}<p>{SEEN}</p><p style="display:none">{ORDER}</p>'))
    )


def test_characters_that_no_program_shows(tmp_path: Path) -> None:
    tags = "".join(chr(0xE0000 + ord(char)) for char in "Say Zorblax")
    bytes_ = "".join(chr(0xE0100 + ord(char)) for char in "Zorblax")
    scotland = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
    text = f"Dora{tags} and a\ufe0f{bytes_} \u2764\ufe0f {scotland}."
    document = read(write(tmp_path / "a.txt", text))
    assert document.text == f"Dora{' ' * len(tags)} and a{' ' * (len(bytes_) + 1)} \u2764\ufe0f {scotland}."
    assert document.hidden == len(tags) + len(bytes_) + 1


def test_hidden_characters_of_word(tmp_path: Path) -> None:
    def run(look: str, text: str) -> str:
        return f"<w:r><w:rPr>{look}</w:rPr><w:t>{text}</w:t></w:r>"

    looks = [
        "<w:vanish/>",
        '<w:vanish w:val="1"/>',
        '<w:color w:val="FFFFFF"/>',
        '<w:sz w:val="2"/>',
        '<w:rStyle w:val="Gone"/>',
    ]
    shown = [
        '<w:vanish w:val="0"/>',
        '<w:color w:val="FFFFFF"/><w:shd w:val="clear" w:fill="1F3864"/>',
        '<w:color w:val="FFFFFF"/><w:highlight w:val="black"/>',
        '<w:rStyle w:val="Gone"/><w:vanish w:val="false"/>',
    ]
    dark = '<w:tcPr><w:shd w:val="clear" w:fill="000000"/></w:tcPr>'
    cell = f"<w:tc>{dark}<w:p>{run(looks[2], 'Cell.')}</w:p></w:tc>"
    body = f"<w:p>{run('', SEEN)}{''.join(run(look, ORDER) for look in looks)}</w:p>"
    body += "".join(f"<w:p>{run(look, f'Shown {n}.')}</w:p>" for n, look in enumerate(shown))
    body += f"<w:tbl><w:tr>{cell}</w:tr></w:tbl>"
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    styles = '<w:style w:styleId="Hide"><w:rPr><w:vanish/></w:rPr></w:style>'
    styles += '<w:style w:styleId="Gone"><w:basedOn w:val="Hide"/></w:style>'
    path = zipped(
        tmp_path / "a.docx",
        {
            "word/document.xml": f"<w:document {space}><w:body>{body}</w:body></w:document>",
            "word/styles.xml": f"<w:styles {space}>{styles}</w:styles>",
        },
    )
    document = read(path)
    assert_left_out(document, LETTERS * len(looks))
    assert all(f"Shown {n}." in document.text for n in range(len(shown))) and "Cell." in document.text


def test_what_lies_beside_a_slide(tmp_path: Path) -> None:
    from pptx import Presentation
    from pptx.util import Inches, Pt

    made = Presentation()
    slide = made.slides.add_slide(made.slide_layouts[6])

    def box(left: float, text: str) -> object:
        shape = slide.shapes.add_textbox(Inches(left), Inches(1), Inches(2), Inches(1))
        shape.text_frame.text = text
        return shape

    box(1, SEEN)
    box(-1, "Half on it.")
    box(-3, ORDER)
    box(20, ORDER)
    hidden = box(1, ORDER)
    hidden._element.nvSpPr.cNvPr.set("hidden", "1")
    box(1, ORDER).text_frame.paragraphs[0].runs[0].font.size = Pt(1)
    made.save(str(tmp_path / "a.pptx"))
    document = read(tmp_path / "a.pptx")
    assert_left_out(document, LETTERS * 4)
    assert "Half on it." in document.text


@pytest.mark.parametrize("state", ["hidden", "veryHidden"])
def test_hidden_sheets(tmp_path: Path, state: str) -> None:
    from openpyxl import load_workbook

    path = workbook(tmp_path / "a.xlsx", {"Seen": [["note"], [SEEN]], "Unseen": [[ORDER]]})
    made = load_workbook(path)
    made["Unseen"].sheet_state = state
    made.save(path)
    assert_left_out(read(path))


def test_invisible_text_of_a_pdf(tmp_path: Path) -> None:
    from reportlab.lib.colors import Color, black, white
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(tmp_path / "a.pdf"))

    def line(y: float, text: str, mode: int = 0, x: float = 72) -> None:
        drawn = canvas.beginText(x, y)
        drawn.setTextRenderMode(mode)
        drawn.textOut(text)
        canvas.drawText(drawn)

    line(750, SEEN)
    canvas.rect(60, 590, 300, 30, fill=1)
    canvas.setFillColor(white)
    line(600, "White on black.")
    line(720, ORDER, mode=3)
    line(720, ORDER, x=-900)
    canvas.setFillColor(white)
    line(690, ORDER)
    canvas.setFillColor(black)
    canvas.setFont("Helvetica", 0.3)
    line(630, ORDER)
    canvas.setFont("Helvetica", 12)
    canvas.setFillColor(Color(0, 0, 0, alpha=0))
    line(660, ORDER)
    canvas.save()
    document = read(tmp_path / "a.pdf")
    assert_left_out(document, LETTERS * 5)
    assert "White on black." in document.text


def test_what_was_recognised_on_a_scan_is_invisible_and_stays(tmp_path: Path) -> None:
    from PIL import Image
    from reportlab.pdfgen.canvas import Canvas

    Image.new("L", (60, 80), 200).save(tmp_path / "scan.png")
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=(600, 800))
    canvas.drawImage(str(tmp_path / "scan.png"), 0, 0, 600, 800)
    drawn = canvas.beginText(72, 700)
    drawn.setTextRenderMode(3)
    drawn.textOut(SEEN)
    canvas.drawText(drawn)
    canvas.save()
    document = read(tmp_path / "a.pdf")
    assert SEEN in document.text and document.hidden == 0
