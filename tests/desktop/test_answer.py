"""An answer on screen: frozen blocks, marked sentences, sources, copying, and nothing loaded."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import QUrl
from PySide6.QtGui import QGuiApplication, Qt, QTextCharFormat, QTextCursor, QTextDocument
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton

from desktop import style
from desktop.widgets import prose
from desktop.widgets.answer_body import AnswerBody
from desktop.widgets.code import CodeView
from desktop.widgets.elided import ElidedLabel
from desktop.widgets.message import AnswerMessage, QuestionMessage
from desktop.widgets.prose import ProseView
from engine.contracts import AnswerSentence, Citation, Found
from tests.desktop.fakes import ANSWER, CITATION, NOWHERE, PASSAGE
from tests.desktop.test_markdown import AWKWARD


@pytest.fixture
def body(app: QApplication, qtbot: Any) -> AnswerBody:
    made = AnswerBody()
    qtbot.addWidget(made)
    return made


@pytest.fixture
def message(app: QApplication, qtbot: Any) -> AnswerMessage:
    made = AnswerMessage()
    qtbot.addWidget(made)
    return made


def fragments(document: QTextDocument) -> list[tuple[str, QTextCharFormat]]:
    found = []
    block = document.begin()
    while block.isValid():
        pieces = block.begin()
        while not pieces.atEnd():
            found.append((pieces.fragment().text(), pieces.fragment().charFormat()))
            pieces += 1
        block = block.next()
    return found


def texts(body: AnswerBody) -> list[ProseView]:
    return [part for part in body.closed.parts if isinstance(part, ProseView)]


# ---- streaming ---------------------------------------------------------------------------------


def test_closed_blocks_are_not_drawn_again(body: AnswerBody, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    write = prose.write

    def counted(cursor: QTextCursor, blocks: Any, sources: Any) -> None:
        blocks = list(blocks)
        drawn.append(len(blocks))
        write(cursor, blocks, sources)

    monkeypatch.setattr(prose, "write", counted)
    for number in range(100):
        body.add(f"Paragraph {number}.\n\n")
    # Each paragraph is drawn as the tail, once more when it closes, and never after.
    assert max(drawn) <= 2 and sum(drawn) <= 300
    assert body.plain_text().count("Paragraph") == 100


def test_streamed_and_finished_answers_look_the_same(body: AnswerBody) -> None:
    text = "\n\n".join(source for source in AWKWARD if source.strip())
    for at in range(0, len(text), 11):
        body.add(text[at : at + 11])
    streamed = body.plain_text()
    body.set_text(text, {})
    assert [line for line in streamed.split("\n") if line] == [
        line for line in body.plain_text().split("\n") if line
    ]


def test_code_being_written_keeps_its_widget(body: AnswerBody) -> None:
    body.add("```python\nx = 1\n")
    first = body.tail.parts[0]
    body.add("y = 2\n")
    assert body.tail.parts == [first] and isinstance(first, CodeView)
    assert first.text.toPlainText() == "x = 1\ny = 2"


def test_a_change_of_scheme_while_writing_keeps_the_text(body: AnswerBody, app: QApplication) -> None:
    style.apply(app, "light")
    body.show()
    body.add("One.\n\nTwo [1")
    style.apply(app, "dark")
    body.add("].\n\nThree.")
    assert body.text == "One.\n\nTwo [1].\n\nThree."
    assert body.plain_text().split() == ["One.", "Two", "[1].", "Three."]
    colour = fragments(texts(body)[0].document())[0][1].foreground().color().name()
    assert colour == style.DARK.text
    style.apply(app, "light")


# ---- nothing is loaded -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target", ["http://h/p.png", "file:///etc/hostname", "//host/share/p.png", "data:image/png;base64,AA"]
)
def test_pictures_are_words(body: AnswerBody, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(ProseView, "loadResource", lambda self, kind, name: asked.append(name))
    body.resize(400, 300)
    body.show()
    body.set_text(f'![the words]({target}) <img src="{target}">', {})
    body.grab()
    assert asked == []
    assert not any(look.isImageFormat() for _text, look in fragments(texts(body)[0].document()))
    assert "the words" in body.plain_text() and "<img src=" in body.plain_text()


def test_resources_are_refused_even_if_asked_for(app: QApplication, qtbot: Any) -> None:
    view = ProseView()
    qtbot.addWidget(view)
    for kind in QTextDocument.ResourceType:
        assert view.loadResource(kind.value, QUrl("file:///etc/hostname")) is None
    view.append_blocks([], {})
    view.setSource(QUrl("file:///etc/hostname"))
    assert view.toPlainText() == ""


# ---- citations and marks -----------------------------------------------------------------------


def test_a_citation_is_a_link_with_a_name(body: AnswerBody) -> None:
    other = replace(CITATION, n=2, verified=False)
    body.set_text("Three months [1], not four [2], nor [3].", {1: CITATION, 2: other})
    found = dict(fragments(texts(body)[0].document()))
    assert found["[1]"].anchorHref() == "cite:1"
    assert found["[1]"].toolTip() == "Source 1, lease.pdf, page 14, checked against the file"
    assert found["[2]"].toolTip() == "Source 2, lease.pdf, page 14"
    assert not any(look.isAnchor() for text, look in found.items() if "[3]" in text)


def test_clicking_a_marker_opens_its_source(message: AnswerMessage, qtbot: Any) -> None:
    message.finish(ANSWER, "m1")
    with qtbot.waitSignal(message.source_opened) as opened:
        texts(message.body)[0].anchorClicked.emit(QUrl("cite:1"))
    assert opened.args == [CITATION, "m1"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("True. The deposit is **doubled**.", "The deposit is doubled."),
        ("- The deposit\n  is `doubled` [1].", "The deposit is doubled."),
        ("👩‍👩‍👧 The deposit is doubled.", "The deposit is doubled."),
        ("| a | b |\n|---|---|\n| The deposit is doubled. | x |", "The deposit is doubled."),
    ],
)
def test_unsupported_sentences_are_underlined(body: AnswerBody, text: str, sentence: str) -> None:
    body.set_text(text, {1: CITATION}, [AnswerSentence(sentence, False), AnswerSentence("True.", True)])
    marked = [
        piece
        for piece, look in fragments(texts(body)[0].document())
        if look.underlineStyle() == QTextCharFormat.UnderlineStyle.DashUnderline
    ]
    assert "".join(marked).replace("\u2028", " ").split() == ["The", "deposit", "is", "doubled"]
    assert body.unsupported_marked == 1


def test_supported_sentences_are_left_alone(body: AnswerBody) -> None:
    body.set_text("All true.", {}, [AnswerSentence("All true.", True)])
    assert body.unsupported_marked == 0


# ---- the whole message -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        (ANSWER, "From your files"),
        (replace(ANSWER, source="general"), "Not from your files"),
        (replace(ANSWER, source="memory"), "From memory"),
        (NOWHERE, "Not in your files"),
    ],
)
def test_the_label_says_where_it_comes_from(message: AnswerMessage, answer: Any, label: str) -> None:
    message.finish(answer)
    assert message.origin == label


def test_an_abstention_without_words_says_something(message: AnswerMessage) -> None:
    message.finish(replace(NOWHERE, answer="", searched_files=9, total_files=9))
    assert message._note.text() == "Nothing in your files answers this."


def test_nearest_files_can_be_opened(message: AnswerMessage, qtbot: Any) -> None:
    message.finish(NOWHERE)
    assert [button.accessibleName() for button in message.source_buttons] == ["lease.pdf, page 3", "a.txt"]
    with qtbot.waitSignal(message.nearest_opened) as opened:
        message.source_buttons[0].click()
    assert opened.args == [NOWHERE.nearest[0]]


def test_sources_are_buttons_with_a_check(message: AnswerMessage) -> None:
    message.finish(ANSWER)
    assert [b.accessibleName() for b in message.source_buttons] == [
        "Source 1, lease.pdf, page 14, checked against the file"
    ]
    assert message._coverage.text() == "searched 812 of 1,040 files"
    assert message._note.text() == "Underlined text is not supported by what was found."
    assert message.accessibleDescription() == "Not supported by what was found: The deposit is doubled."


def test_many_sources_are_folded(message: AnswerMessage, qtbot: Any) -> None:
    cited = tuple(replace(CITATION, n=n, path=f"/docs/{n}.md") for n in range(1, 21))
    message.finish(replace(ANSWER, answer="Some [20].", sentences=(), citations=cited))
    message.show()
    assert len(message.source_buttons) == 6
    more = message._link_widgets[-1]
    assert isinstance(more, QPushButton) and more.accessibleName() == "Show all 20 sources"
    more.click()
    assert [button.source.path for button in message.source_buttons] == [
        f"/docs/{n}.md" for n in range(1, 21)
    ]
    assert message.focusWidget() is message.source_buttons[6]
    with qtbot.waitSignal(message.source_opened) as opened:
        message.source_buttons[19].click()
    assert opened.args[0] == cited[19]


def test_a_refusal_over_a_part_of_the_files_says_so(message: AnswerMessage, qtbot: Any) -> None:
    message.finish(replace(NOWHERE, answer=""))
    assert message._note.text() == "Nothing in the files that could be searched answers this."
    with qtbot.waitSignal(message.coverage_opened):
        message._coverage.click()


@pytest.mark.parametrize("name", ["<img src=x.png>.md", "<b>x & y.md", "a&lt;b.md"])
def test_a_name_that_looks_like_markup_is_text_in_tooltips(message: AnswerMessage, name: str) -> None:
    message.finish(replace(ANSWER, citations=(replace(CITATION, path=f"/docs/{name}"),)))
    inline = next(
        look.toolTip() for text, look in fragments(texts(message.body)[0].document()) if text == "[1]"
    )
    for tip in (message.source_buttons[0].toolTip(), inline, ElidedLabel(name).toolTip()):
        drawn = QTextDocument()
        if Qt.mightBeRichText(tip):  # as a tooltip does
            drawn.setHtml(tip)
        else:
            drawn.setPlainText(tip)
        assert name in drawn.toPlainText()


def test_the_keyboard_reaches_and_opens_citations(message: AnswerMessage, qtbot: Any) -> None:
    message.finish(ANSWER)
    message.show()
    qtbot.waitExposed(message)
    prose = texts(message.body)[0]
    prose.setFocus()
    with qtbot.waitSignal(message.source_opened) as opened:
        QTest.keyClick(prose, Qt.Key.Key_Tab)
        QTest.keyClick(prose, Qt.Key.Key_Return)
    assert opened.args[0] == CITATION


def test_passages_are_clickable_while_writing(message: AnswerMessage, qtbot: Any) -> None:
    message.show_found(Found((PASSAGE,), 1, 1))
    message.add("It is three months [1] and")
    with qtbot.waitSignal(message.source_opened) as opened:
        message.body.cited.emit(1)
    assert isinstance(opened.args[0], Citation) and opened.args[0].quote == PASSAGE.text


def test_a_stopped_answer_says_so(message: AnswerMessage) -> None:
    message.finish(replace(ANSWER, stopped=True))
    assert "You stopped this answer" in message._note.text()
    assert message.body.text == ANSWER.answer


def test_votes_toggle(message: AnswerMessage, qtbot: Any) -> None:
    message.finish(ANSWER, "m1")
    votes: list[Any] = []
    message.voted.connect(lambda name, vote: votes.append((name, vote)))
    message.up_button.click()
    assert message.up_button.isChecked()
    message.down_button.click()
    assert message.down_button.isChecked() and not message.up_button.isChecked()
    message.down_button.click()
    assert votes == [("m1", "up"), ("m1", "down"), ("m1", None)]


def test_copying(message: AnswerMessage) -> None:
    message.finish(replace(ANSWER, answer="Text\n\n```python\nx = 1\n\n```"))
    message.copy_button.click()
    assert QGuiApplication.clipboard().text() == "Text\n\n```python\nx = 1\n\n```"
    code = message.body.closed.parts[1]
    assert isinstance(code, CodeView)
    code.copy()
    assert QGuiApplication.clipboard().text() == "x = 1\n"


def test_a_question_is_plain_text(app: QApplication, qtbot: Any) -> None:
    question = QuestionMessage("<b>bold?</b>\nsecond line")
    qtbot.addWidget(question)
    question.resize(600, 100)
    question.show()
    assert question._label.text() == "<b>bold?</b>\nsecond line"
    assert question._bubble.width() < 300
