"""Start every part of a frozen program and check that it does its job. `python packaging/smoke.py FOLDER`.

FOLDER is what freeze.py made. Everything runs in a home of its own and without a display; one line per check,
exit code 1 if any failed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROLES = ("answer", "index", "night")
HANG = 300.0  # seconds until a silent program counts as hung
SUFFIX = ".exe" if sys.platform == "win32" else ""


class Failed(Exception):
    """A check did not hold; the text says what was found instead."""


class Frozen:
    """The frozen folder, its programs, and the empty home they run in."""

    def __init__(self, folder: Path, scratch: Path) -> None:
        self.folder = folder
        self.scratch = scratch
        keep = {name: os.environ[name] for name in ("LANG", "SYSTEMROOT", "TMPDIR") if name in os.environ}
        # No Python, display or setting of this machine may help the folder to work.
        self.environment = {
            **keep,
            "PATH": os.defpath,
            "HOME": str(scratch),
            "NOCTURNE_HOME": str(scratch / "home"),
        }

    def run(self, *words: str, program: str = "nocturne", **extra: str) -> str:
        """Standard output of a program that must succeed. `extra` goes into its environment."""
        ran = subprocess.run(
            [str(self.folder / (program + SUFFIX)), *words],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=HANG,
            env={**self.environment, **extra},
            cwd=self.scratch,
            check=False,
        )
        if ran.returncode:
            raise Failed(f"`{program} {' '.join(words)}` ended with {ran.returncode}: {_tail(ran.stderr)}")
        return ran.stdout

    def json(self, *words: str) -> dict[str, Any]:
        """The last line a command prints with --json."""
        lines = self.run(*words, "--json").splitlines()
        found: dict[str, Any] = json.loads(lines[-1])
        return found


def help_names_the_commands(frozen: Frozen) -> str:
    text = frozen.run("--help")
    _expect("index" in text and "ask" in text, text)
    return "lists the commands"


def every_role_says_hello(frozen: Frozen) -> str:
    for role in ROLES:
        said = frozen.run("worker", role, str(frozen.scratch / "home")).splitlines()
        hello = json.loads(said[0]) if said else {}
        _expect(hello.get("type") == "hello" and hello.get("role") == role, f"{role}: {said}")
    return ", ".join(ROLES)


def the_first_question_is_answered(frozen: Frozen) -> str:
    answer = frozen.json("try", "--home", str(frozen.scratch / "try"))
    checked = [citation for citation in answer["citations"] if citation["verified"]]
    _expect(bool(checked), f"no citation was verified: {answer}")
    return f"{answer['answer']!r}, verified in {Path(checked[0]['path']).name!r}"


def every_format_is_read(frozen: Frozen) -> str:
    folder = frozen.scratch / "files"
    facts = write_samples(folder)
    done = frozen.json("index", str(folder))
    _expect(done["indexed"] == len(facts) and done["failed"] == 0, str(done))
    for name, word in facts.items():
        results = frozen.json("search", word, "-k", "1")["results"]
        found = [Path(result["path"].partition("!/")[0]).name for result in results]
        _expect(found == [name], f"{word} was looked for in {name}: {found}")
    status = frozen.json("status")["coverage"]
    _expect(status["meaning"] == len(facts), f"not every file has vectors: {status}")
    return f"{len(facts)} files, {done['passages']} passages, words and meaning"


def the_doctor_finds_nothing(frozen: Frozen) -> str:
    failed = [check for check in frozen.json("doctor")["checks"] if not check["ok"]]
    expected = {"personalize", "window"}  # not part of the folder; no display here
    _expect({check["name"] for check in failed} <= expected, str(failed))
    return "machine, models and vectors are well"


def the_window_can_start(frozen: Frozen) -> str:
    frozen.run("--probe", program="nocturne-window", QT_QPA_PLATFORM="offscreen")
    return "offscreen"


def the_window_becomes_ready(frozen: Frozen) -> str:
    started = time.time()
    said = frozen.run("--report-ready", program="nocturne-window", QT_QPA_PLATFORM="offscreen")
    report = json.loads(said.splitlines()[-1])
    seconds = report["time"] - started
    _expect(seconds > 0, said)
    return f"takes a key after {seconds:.2f} s, {report['peak_mib']:.0f} MiB"


def nothing_is_left_running(frozen: Frozen) -> str:
    if not Path("/proc/self/exe").exists():
        return "cannot be seen on this system"
    left = [found for found in Path("/proc").glob("[0-9]*") if _runs_from(found, frozen.folder)]
    _expect(not left, f"processes {[found.name for found in left]}")
    return "no process"


CHECKS: tuple[Callable[[Frozen], str], ...] = (
    help_names_the_commands,
    every_role_says_hello,
    the_first_question_is_answered,
    every_format_is_read,
    the_doctor_finds_nothing,
    the_window_can_start,
    the_window_becomes_ready,
    nothing_is_left_running,
)


def write_samples(folder: Path) -> dict[str, str]:
    """One small file of each format; returns file name -> a word that only this file holds."""
    import docx
    import openpyxl
    import pptx
    import xlwt
    from reportlab.pdfgen.canvas import Canvas

    folder.mkdir()
    texts = {
        "note.txt": "The spare key of the cabin hangs behind the zirbelwood clock.",
        "plan.md": "# Plans\n\nThe rowing club meets at the Quillhaven boathouse on Tuesdays.",
        "page.html": "<html><body><p>Our tram is the Marlowick line, every ten minutes.</p></body></html>",
        "list.csv": "plant,place\nBasil,window\nDragonfruit,cellar\n",
        "count.py": 'def harvest_tomatillos(rows: int) -> int:\n    """Boxes."""\n    return rows * 3\n',
        "guide.rst": "Guide\n=====\n\nThe Larkspur path is closed in winter.\n",
        "todo.org": "* TODO Call the Hollins bakery\n",
        "manual.adoc": "= Manual\n\nPull the Tresco lever twice.\n",
        "film.srt": "1\n00:00:01,000 --> 00:00:03,000\nWe meet at Gorsedene.\n",
        "sums.ipynb": '{"cells": [{"cell_type": "markdown", "source": "# Sums\\nAbout Nettlecombe."}]}',
        "club.json": '{"club": "Rowing", "boat": "Thistledown"}',
        "roof.eml": "From: mara@example.org\nSubject: Roof\n\nThe slater is called Penhallow.\n",
        "inbox.mbox": (
            "From mara@example.org Wed May  1 10:00:00 2024\nFrom: mara@example.org\n"
            "Subject: Tickets for Dunmarrow\n\nThey came.\n"
        ),
        "letter.rtf": "{\\rtf1 The choir sings at Brackenmoor in May.\\par}",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    letter = docx.Document()
    letter.add_paragraph("The insurance for the sailing boat Pelagia ends in October.")
    letter.save(str(folder / "letter.docx"))
    canvas = Canvas(str(folder / "bill.pdf"))
    canvas.drawString(72, 720, "The plumber Vandersteen charged 240 euros for the new boiler.")
    canvas.save()
    sheet = openpyxl.Workbook()
    sheet.active.append(["Bottle", "Price"])
    sheet.active.append(["Chardelune", 12])
    sheet.save(folder / "cellar.xlsx")
    slides = pptx.Presentation()
    slides.slides.add_slide(slides.slide_layouts[5]).shapes.title.text = "The Ferngill meeting is on Monday"
    slides.save(str(folder / "talk.pptx"))
    old = xlwt.Workbook()
    old.add_sheet("Guests").write(0, 0, "Mrs Amberley")
    old.save(str(folder / "guests.xls"))
    for name, parts in _zipped_samples().items():
        with zipfile.ZipFile(folder / name, "w") as archive:
            for part, text in parts.items():
                archive.writestr(part, text)
    words = (
        "zirbelwood Quillhaven Marlowick Dragonfruit tomatillos Larkspur Hollins Tresco "
        "Gorsedene Nettlecombe Thistledown Penhallow Dunmarrow Brackenmoor Pelagia Vandersteen Chardelune "
        "Ferngill Oakhollow Wrenfield Saltmarch Kestrelbeck Amberley"
    ).split()
    made = [*texts, "letter.docx", "bill.pdf", "cellar.xlsx", "talk.pptx", *_zipped_samples(), "guests.xls"]
    return dict(zip(made, words, strict=True))


def _zipped_samples() -> dict[str, dict[str, str]]:
    """Files that are zips of parts: name -> its parts."""
    space = "urn:oasis:names:tc:opendocument:xmlns"
    about = " ".join(f'xmlns:{name}="{space}:{name}:1.0"' for name in ("office", "text", "drawing"))
    media = "application/vnd.oasis.opendocument"
    paragraph = "<text:p>{}</text:p>"
    content = f"<office:document-content {about}><office:body>{{}}</office:body></office:document-content>"
    letter = f"<office:text>{paragraph.format('The Oakhollow bakery opens at six.')}</office:text>"
    talk = f"<drawing:page><drawing:frame>{paragraph.format('Wrenfield won.')}</drawing:frame></drawing:page>"
    root = "<container><rootfiles><rootfile full-path='book.opf'/></rootfiles></container>"
    book = "<manifest><item id='a' href='a.html'/></manifest><spine><itemref idref='a'/></spine>"
    return {
        "letter.odt": {"mimetype": f"{media}.text", "content.xml": content.format(letter)},
        "talk.odp": {
            "mimetype": f"{media}.presentation",
            "content.xml": content.format(f"<office:presentation>{talk}</office:presentation>"),
        },
        "novel.epub": {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": root,
            "book.opf": f"<package>{book}</package>",
            "a.html": "<html><body><p>They sailed to Saltmarch.</p></body></html>",
        },
        "photos.zip": {"Kestrelbeck.gif": "GIF89a"},
    }


def _expect(holds: bool, found: str) -> None:
    if not holds:
        raise Failed(found)


def _runs_from(process: Path, folder: Path) -> bool:
    try:
        return (process / "exe").resolve().is_relative_to(folder)
    except OSError:
        return False


def _tail(text: str) -> str:
    return " | ".join(text.strip().splitlines()[-6:])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the frozen folder")
    folder: Path = parser.parse_args().folder.resolve()
    failures = 0
    with tempfile.TemporaryDirectory() as scratch:
        frozen = Frozen(folder, Path(scratch).resolve())
        for check in CHECKS:
            started = time.monotonic()
            try:
                mark, detail = "ok  ", check(frozen)
            except (Failed, OSError, ValueError, KeyError, subprocess.TimeoutExpired) as problem:
                mark, detail = "FAIL", f"{type(problem).__name__}: {problem}"
                failures += 1
            name = check.__name__.replace("_", " ")
            print(f"{mark} {name} ({time.monotonic() - started:.1f} s): {detail}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
