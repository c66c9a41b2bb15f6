"""A language for tests in which a word that went untranslated can be seen."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTranslator


class Pseudo(QTranslator):
    """A language in which every sentence is in brackets."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.asked: set[tuple[str, str]] = set()

    def isEmpty(self) -> bool:
        return False

    def translate(self, context: str, source: str, disambiguation: str | None = None, n: int = -1) -> str:
        self.asked.add((context, source))
        return f"⟦{source}⟧"
