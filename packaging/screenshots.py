"""Write docs/screenshots/*.png: the window on the sample folder and the embedded models, light and dark.

    python packaging/screenshots.py [FOLDER] [--minutes M]

Runs without a screen. Needs the extras `starter` and `personalize`: a night of M minutes is run, to show one.
Needs any font; with Inter installed it looks best.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QCoreApplication, QEventLoop
from PySide6.QtGui import QFont, QFontDatabase

from desktop.app import Desk, Options, make_app
from desktop.main_window import MainWindow
from desktop.widgets.message import AnswerMessage
from engine.api import Engine
from engine.settings import Settings
from resources import resource

QUESTIONS = ("What is the monthly rent?", "Where does Tom Okafor work?")
LIMIT = 300.0
NIGHT_LIMIT = 7200.0


def until(done: Callable[[], bool], what: str, limit: float = LIMIT) -> None:
    """Let the window work until `done`; exit with a sentence if that takes `limit` seconds."""
    end = time.monotonic() + limit
    while not done():
        if time.monotonic() > end:
            sys.exit(f"Gave up waiting until {what}.")
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 50)
        time.sleep(0.02)  # a night gives way to everything, also to a loop that only waits


def settle(seconds: float = 0.5) -> None:
    end = time.monotonic() + seconds
    until(lambda: time.monotonic() > end, "the window was painted")


def ask(window: MainWindow, question: str) -> AnswerMessage:
    window.show_chat()
    window.chat.ask(question)
    until(lambda: not window.chat.answering, "the question was answered")
    answer = window.chat.transcript.messages[-1]
    if not isinstance(answer, AnswerMessage) or answer.answer is None:
        sys.exit(f"No answer to {question!r}: " + "; ".join(b.said.message for b in window.banners.shown))
    return answer


def run_night(window: MainWindow, minutes: float) -> None:
    """Tick every folder, run a night, and leave the panel on view with its result."""
    panel = window.nights
    window.show_nights()
    for row in panel.rows.values():
        row.box.click()
    shortest = panel.minutes.count()
    panel.minutes.addItem("", minutes)
    panel.minutes.setCurrentIndex(shortest)
    panel.start_button.click()
    until(lambda: panel.card is not None or bool(window.banners.shown), "the night began")
    until(lambda: panel.card is None, "the night was over", NIGHT_LIMIT)
    if any(shown.property("kind") == "bad" for shown in window.banners.shown):
        sys.exit("No night: " + "; ".join(shown.said.message for shown in window.banners.shown))
    panel.minutes.setCurrentIndex(0)
    panel.minutes.removeItem(shortest)
    until(panel.details.table.isVisible, "the scorecard was shown")


def take(window: MainWindow, folder: Path, name: str) -> None:
    for appearance in ("light", "dark"):
        window.menus.appearances[appearance].trigger()
        settle()
        path = folder / f"{name}-{appearance}.png"
        if not window.grab().save(str(path)):
            sys.exit(f"Could not write {path}.")
        print(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "folder", nargs="?", type=Path, default=Path(__file__).parents[1] / "docs" / "screenshots"
    )
    parser.add_argument("--minutes", type=float, default=15.0, metavar="M", help="of the night (15)")
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    app = make_app()
    if "Inter" in QFontDatabase.families():
        app.setFont(QFont("Inter", 10))
    with tempfile.TemporaryDirectory() as place:
        papers = Path(place) / "Documents"
        shutil.copytree(resource("sample"), papers)
        (papers / "Scanned letter.pdf").touch()
        desk = Desk(lambda: Engine(Path(place) / "home"), Settings())
        window = desk.window
        desk.start(Options())
        settle()
        take(window, folder, "start")
        window.index([str(papers)])
        window.show_library()
        until(window.library.summary.isVisible, "the sample folder was indexed")
        first, *_others = [ask(window, question) for question in QUESTIONS]
        first.source_buttons[0].click()
        until(window.source.open_button.isEnabled, "the source was shown")
        take(window, folder, "chat")
        window.source.hide()
        window.show_library()
        take(window, folder, "library")
        run_night(window, arguments.minutes)
        take(window, folder, "nights")
        closed: list[bool] = []
        desk.finished.connect(lambda: closed.append(True))
        window.close()
        until(lambda: bool(closed), "the engine had ended")


if __name__ == "__main__":
    main()
