"""Draw blocks into a QTextDocument with a cursor: no markup string ever reaches Qt."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from html import escape

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFont,
    QFontMetricsF,
    Qt,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFrameFormat,
    QTextLength,
    QTextOption,
    QTextTableFormat,
)

from desktop.markdown import Block, Code, Prose, Run, Table
from desktop.messages import source_name
from desktop.style import Colours, colours, fixed_font
from engine.contracts import AnswerSentence, Citation

CITE = "cite:"
_STEP = 22.0
_WORD = re.compile(r"\w+")
_MARKER = re.compile(r"\[\d{1,3}\]")
_HEADINGS = (1.35, 1.2, 1.1, 1.0, 1.0, 1.0)


def write(cursor: QTextCursor, drawn: Iterable[Block], sources: Mapping[int, Citation]) -> None:
    """Append prose and tables at the cursor. `sources` are the numbers that may be clicked."""
    for block in drawn:
        if isinstance(block, Prose):
            _write_prose(cursor, block, sources)
        elif isinstance(block, Table):
            _write_table(cursor, block, sources)
        elif isinstance(block, Code):
            raise TypeError("code has a widget of its own")


def plain_tip(text: str) -> str:
    """A tooltip that reads as `text`: Qt takes `<img src=...>` in a file's name for markup, and loads it."""
    return f"<p>{'<br>'.join(map(escape, text.splitlines()))}</p>" if Qt.mightBeRichText(text) else text


def mark_unsupported(document: QTextDocument, sentences: Iterable[AnswerSentence]) -> int:
    """Underline the sentences that no passage supports; returns how many were found in the text.

    Sentences are matched by their words: the answer's text and the drawn one differ in markup only.
    """
    text = document.toPlainText()
    words = [
        (match.group(), match.start(), match.end()) for match in _WORD.finditer(_MARKER.sub(_blank, text))
    ]
    look = QTextCharFormat()
    look.setUnderlineStyle(QTextCharFormat.UnderlineStyle.DashUnderline)
    look.setUnderlineColor(QColor(colours().warn))
    look.setBackground(QBrush(QColor(colours().warn_soft)))
    look.setToolTip(QCoreApplication.translate("Answer", "Not supported by what was found"))
    found = 0
    for sentence in sentences:
        wanted = _WORD.findall(_MARKER.sub(_blank, sentence.text))
        at = _find([word for word, _start, _end in words], wanted)
        if sentence.supported or not wanted or at is None:
            continue
        cursor = QTextCursor(document)
        cursor.setPosition(_utf16(text, words[at][1]))
        cursor.setPosition(_utf16(text, words[at + len(wanted) - 1][2]), QTextCursor.MoveMode.KeepAnchor)
        cursor.mergeCharFormat(look)
        found += 1
    return found


def _blank(match: re.Match[str]) -> str:
    return " " * len(match.group())


def _find(words: list[str], wanted: list[str]) -> int | None:
    size = len(wanted)
    return next((at for at in range(len(words) - size + 1) if words[at : at + size] == wanted), None)


def _utf16(text: str, position: int) -> int:
    """Qt counts UTF-16 units; Python counts code points."""
    return len(text[:position].encode("utf-16-le", "surrogatepass")) // 2


def _begin_block(cursor: QTextCursor, look: QTextBlockFormat) -> None:
    if cursor.block().length() > 1 or cursor.position() > 0:
        cursor.insertBlock(look, QTextCharFormat())
    else:
        cursor.setBlockFormat(look)
        cursor.setBlockCharFormat(QTextCharFormat())


def _write_prose(cursor: QTextCursor, block: Prose, sources: Mapping[int, Citation]) -> None:
    chosen = colours()
    look = QTextBlockFormat()
    look.setBottomMargin(4 if block.indent else 9)
    look.setLineHeight(132, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
    # Qt draws nothing beside a paragraph: a quotation is set off by its margin and tone.
    look.setLeftMargin(_STEP * (block.indent + block.quote))
    base = QTextCharFormat()
    base.setForeground(QColor(chosen.muted if block.quote else chosen.text))
    if block.kind == "rule":
        look.setProperty(QTextBlockFormat.Property.BlockTrailingHorizontalRulerWidth, _full_width())
        _begin_block(cursor, look)
        return
    if block.kind == "heading":
        look.setTopMargin(8)
        look.setHeadingLevel(block.level)
        base.setFontPointSize(cursor.document().defaultFont().pointSizeF() * _HEADINGS[block.level - 1])
        base.setFontWeight(QFont.Weight.DemiBold)
    if block.marker:
        width = QFontMetricsF(cursor.document().defaultFont()).horizontalAdvance(block.marker) + 8
        hang = max(_STEP - 4, width)
        look.setTextIndent(-hang)
        look.setTabPositions([QTextOption.Tab(hang, QTextOption.TabType.LeftTab)])
    _begin_block(cursor, look)
    if block.marker:
        cursor.insertText(block.marker + "\t", base)
    _write_runs(cursor, block.runs, base, sources, chosen)


def _full_width() -> QTextLength:
    return QTextLength(QTextLength.Type.PercentageLength, 100)


def _write_runs(
    cursor: QTextCursor,
    runs: Iterable[Run],
    base: QTextCharFormat,
    sources: Mapping[int, Citation],
    chosen: Colours,
) -> None:
    for run in runs:
        look = QTextCharFormat(base)
        if run.bold:
            look.setFontWeight(QFont.Weight.Bold)
        look.setFontItalic(run.italic)
        look.setFontStrikeOut(run.strike)
        if run.code:
            look.setFontFamilies(fixed_font().families())
            look.setBackground(QColor(chosen.code))
        if run.href:
            look.setAnchor(True)
            look.setAnchorHref(run.href)
            look.setForeground(QColor(chosen.link))
            look.setFontUnderline(True)
            look.setToolTip(plain_tip(run.href))
        if run.cite is not None and run.cite in sources:
            _as_citation(look, sources[run.cite], chosen)
        cursor.insertText(run.text.replace("\n", "\u2028"), look)


def _as_citation(look: QTextCharFormat, source: Citation, chosen: Colours) -> None:
    name = source_name(source)
    verified = QCoreApplication.translate("Answer", "checked against the file")
    look.setAnchor(True)
    look.setAnchorHref(f"{CITE}{source.n}")
    look.setAnchorNames([name])
    look.setToolTip(plain_tip(f"{name}, {verified}" if source.verified else name))
    look.setForeground(QColor(chosen.link))
    look.setBackground(QColor(chosen.accent_soft))
    look.setFontWeight(QFont.Weight.DemiBold)


def _write_table(cursor: QTextCursor, block: Table, sources: Mapping[int, Citation]) -> None:
    chosen = colours()
    shape = QTextTableFormat()
    shape.setBorder(1)
    shape.setBorderBrush(QBrush(QColor(chosen.border)))
    shape.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
    shape.setBorderCollapse(True)
    shape.setCellPadding(6)
    shape.setCellSpacing(0)
    shape.setTopMargin(4)
    shape.setBottomMargin(10)
    shape.setHeaderRowCount(1)
    _begin_block(cursor, QTextBlockFormat())
    table = cursor.insertTable(len(block.rows), max(len(row) for row in block.rows), shape)
    for row_number, row in enumerate(block.rows):
        for column, cell in enumerate(row):
            base = QTextCharFormat()
            base.setForeground(QColor(chosen.text))
            if row_number == 0:
                base.setFontWeight(QFont.Weight.DemiBold)
            _write_runs(table.cellAt(row_number, column).firstCursorPosition(), cell, base, sources, chosen)
    cursor.movePosition(QTextCursor.MoveOperation.End)
