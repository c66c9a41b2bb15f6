"""Small controls, dressed by name: labels, buttons, ticks, frames, pages."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QStyle,
    QStyleOptionButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop import style


def label(
    text: str = "", kind: str = "", *, size: float = 1.0, bold: bool = False, wrap: bool = False
) -> QLabel:
    """A label that never reads its text as markup. `kind` is a name of the style sheet, `size` a factor."""
    made = QLabel(text)
    made.setObjectName(kind)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setWordWrap(wrap)
    if size != 1.0 or bold:
        made.setFont(style.scaled(made, size, bold=bold))
    return made


def icon_label(name: str, colour: str = "muted", side: int = 16) -> QLabel:
    """A picture that only decorates."""
    made = QLabel()
    made.setProperty("icon_side", side)
    style.set_icon(made, name, colour)
    return made


def button(text: str, kind: str = "", icon: str = "", colour: str = "text") -> QPushButton:
    """A push button with words on it."""
    made = QPushButton(text)
    made.setObjectName(kind)
    made.setAccessibleName(text)
    if icon:
        style.set_icon(made, icon, colour)
    return made


def tool(icon: str, name: str, *, checkable: bool = False) -> QToolButton:
    """A button that shows an icon and says its name."""
    made = QToolButton()
    made.setAccessibleName(name)
    made.setToolTip(name)
    made.setCheckable(checkable)
    made.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    style.set_icon(made, icon, "muted")
    return made


class Tick(QCheckBox):
    """A check box whose square can be seen in both schemes; Qt's own takes its edge from the background."""

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        option = QStyleOptionButton()
        self.initStyleOption(option)
        square = self.style().subElementRect(QStyle.SubElement.SE_CheckBoxIndicator, option, self)
        scheme = style.colours()
        painter = QPainter(self)
        painter.fillRect(square, QColor(scheme.surface))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QColor(scheme.accent if self.isChecked() or self.hasFocus() else scheme.control))
        painter.setBrush(QColor(scheme.accent if self.isChecked() else scheme.surface))
        painter.drawRoundedRect(QRectF(square).adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)
        if self.isChecked():
            style.icon("check", scheme.on_accent).paint(painter, square.adjusted(1, 1, -1, -1))
        painter.end()


def frame(kind: str) -> QFrame:
    """A surface that the style sheet paints."""
    made = QFrame()
    made.setObjectName(kind)
    return made


def column_page() -> tuple[QWidget, QVBoxLayout]:
    """A page whose content is one column of readable width, and the layout to fill from the top."""
    column = QWidget()
    column.setObjectName("column")
    column.setMaximumWidth(style.COLUMN + 120)
    inner = QVBoxLayout(column)
    inner.setContentsMargins(0, 0, 0, 0)
    inner.setSpacing(14)
    page = QWidget()
    page.setObjectName("page")
    outer = QHBoxLayout(page)
    outer.setContentsMargins(28, 20, 28, 24)
    outer.addStretch(0)
    outer.addWidget(column, 1)
    outer.addStretch(0)
    return page, inner


def disown(widget: QWidget) -> None:
    """Take a widget out of its window now and delete it when Qt is next idle."""
    widget.hide()
    widget.setParent(None)
    widget.deleteLater()
