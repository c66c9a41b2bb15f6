"""Leave the window only after the person saw where to, and agreed."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt, QUrl, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QMessageBox, QWidget

from desktop.markdown import SAFE_SCHEMES


class LinkQuestion(QMessageBox):
    """ "Open this address in your browser?" with the whole address as it is sent. Not modal to the program.

    A host in other letters shows as xn--..., so that none passes for another; and it stands apart, since what
    comes before an @ only looks like one.
    """

    def __init__(self, target: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        address = QUrl(target)
        self.target = bytes(address.toEncoded().data()).decode()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setIcon(QMessageBox.Icon.Question)
        self.setWindowTitle(self.tr("Open a link"))
        self.setText(self.tr("Open this address outside Nocturne? Its owner will see that you came."))
        host = address.host(QUrl.ComponentFormattingOption.FullyEncoded)
        where = self.tr("Site: {host}").format(host=host) if host else ""
        self.setInformativeText("\n".join(part for part in (self.target, where) if part))
        buttons = QMessageBox.StandardButton.Open | QMessageBox.StandardButton.Cancel
        self.setStandardButtons(buttons)
        self.setDefaultButton(QMessageBox.StandardButton.Cancel)
        self.finished.connect(self._decide)

    @Slot(int)
    def _decide(self, result: int) -> None:
        if result == QMessageBox.StandardButton.Open:
            QDesktopServices.openUrl(QUrl(self.target))
        self.deleteLater()


def ask_to_open(target: str, parent: QWidget) -> None:
    """Ask before opening `target`; anything but http, https and mailto is left alone."""
    if target.lower().startswith(SAFE_SCHEMES) and QUrl(target).isValid():
        LinkQuestion(target, parent).open()


def open_file(path: str) -> bool:
    """Open a local file in its program; False if the system could not."""
    return QDesktopServices.openUrl(QUrl.fromLocalFile(path))


def could_not_open(path: str) -> str:
    return QCoreApplication.translate("Source", "No program could open {path}.").format(path=path)
