"""A link of an answer opens only after the person saw where to, and agreed."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication, QMessageBox, QWidget

from desktop.widgets.links import LinkQuestion, ask_to_open


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    targets: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: targets.append(url.toString()) or True)
    return targets


def question(parent: QWidget) -> LinkQuestion | None:
    return parent.findChild(LinkQuestion)


@pytest.mark.parametrize(
    ("target", "shown", "host"),
    [
        ("https://example.org/a?q=what+I+asked", "https://example.org/a?q=what+I+asked", "example.org"),
        ("https://\u0430pple.com/", "https://xn--pple-43d.com/", "xn--pple-43d.com"),
        ("https://bank.example@evil.example/", "https://bank.example@evil.example/", "evil.example"),
        ("https://evil.example/<img src='x'>", "https://evil.example/%3Cimg%20src='x'%3E", "evil.example"),
    ],
)
def test_the_whole_address_is_shown_before(
    app: QApplication, qtbot: Any, opened: list[str], target: str, shown: str, host: str
) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    ask_to_open(target, parent)
    asked = question(parent)
    assert asked is not None and not opened
    assert asked.informativeText().split("\n") == [shown, f"Site: {host}"]
    assert asked.textFormat() == Qt.TextFormat.PlainText
    assert asked.defaultButton() is asked.button(QMessageBox.StandardButton.Cancel)
    asked.button(QMessageBox.StandardButton.Open).click()
    assert opened == [QUrl(shown).toString()]


def test_a_second_act_is_needed(app: QApplication, qtbot: Any, opened: list[str]) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    ask_to_open("https://example.org/", parent)
    asked = question(parent)
    assert asked is not None
    asked.button(QMessageBox.StandardButton.Cancel).click()
    assert not opened


@pytest.mark.parametrize(
    "target",
    [
        "javascript:alert(1)",
        "file:///etc/passwd",
        "data:text/html,x",
        "smb://host/x",
        "ms-word:x",
        "https://[::bad/",
    ],
)
def test_nothing_but_the_web_and_mail_is_even_asked_about(
    app: QApplication, qtbot: Any, opened: list[str], target: str
) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    ask_to_open(target, parent)
    assert question(parent) is None and not opened
