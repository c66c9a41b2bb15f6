"""A block of code: language, Copy button, colours."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QColor, QGuiApplication, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from desktop import style
from desktop.markdown import Code
from desktop.widgets.parts import button, label

MAX_LINES = 24
# Longer code is shown in one colour: lexing is Python and must not hold up the window.
MAX_LEXED = 20_000


class CodeView(QFrame):
    """Read-only code. `Copy` gives exactly the code."""

    def __init__(self, block: Code, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("code")
        self.block = block
        self._language = label("", "muted")
        self._copy = button(self.tr("Copy"), "pill")
        self._copy.setAccessibleName(self.tr("Copy this code"))
        self._copy.clicked.connect(self.copy)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.text.setAccessibleName(self.tr("Code"))
        top = QHBoxLayout()
        top.addWidget(self._language, 1)
        top.addWidget(self._copy)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 6, 8, 8)
        layout.setSpacing(2)
        layout.addLayout(top)
        layout.addWidget(self.text)
        self.show_code(block)

    def show_code(self, block: Code) -> None:
        """Show other code in this widget."""
        self.block = block
        self._language.setText(block.language)
        self.text.setFont(style.fixed_font())
        self.text.clear()
        cursor = QTextCursor(self.text.document())
        cursor.beginEditBlock()
        for text, colour in _coloured(block):
            look = QTextCharFormat()
            look.setForeground(QColor(colour))
            cursor.insertText(text, look)
        cursor.endEditBlock()
        lines = block.text.split("\n")
        scroll_bar = 12 if max(map(len, lines)) > 70 else 0
        margins = round(2 * self.text.document().documentMargin()) + scroll_bar + 4
        height = min(MAX_LINES, len(lines)) * self.text.fontMetrics().lineSpacing()
        self.text.setFixedHeight(height + margins)
        policy = Qt.ScrollBarPolicy.ScrollBarAsNeeded
        fits = Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        self.text.setVerticalScrollBarPolicy(policy if len(lines) > MAX_LINES else fits)

    def copy(self) -> None:
        """Put exactly the code on the clipboard."""
        QGuiApplication.clipboard().setText(self.block.text)
        self._copy.setText(self.tr("Copied"))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "text"):
            self.show_code(self.block)


def _coloured(block: Code) -> list[tuple[str, str]]:
    chosen = style.colours()
    if not block.language or len(block.text) > MAX_LEXED:
        return [(block.text, chosen.text)]
    from pygments.lexers import get_lexer_by_name
    from pygments.token import Comment, Keyword, Literal, Name, Operator, is_token_subtype
    from pygments.util import ClassNotFound

    try:
        lexer = get_lexer_by_name(block.language.split()[0], stripnl=False, ensurenl=False)
    except ClassNotFound:
        return [(block.text, chosen.text)]
    looks = (
        (Comment, chosen.muted), (Keyword, chosen.link), (Operator.Word, chosen.link),
        (Literal.String, chosen.good), (Literal.Number, chosen.warn),
        (Name.Function, chosen.accent), (Name.Class, chosen.accent),
    )  # fmt: skip
    return [
        (text, next((colour for parent, colour in looks if is_token_subtype(kind, parent)), chosen.text))
        for kind, text in lexer.get_tokens(block.text)
    ]
