"""Text in pictures from the command line to the reading process; only what looks at a picture is made up."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import cli
from engine.api import Engine
from engine.contracts import IndexSummary, Progress
from engine.paths import Home
from engine.workers.jobs import Job
from tests.process.test_engine import HANG, wait_until

pytestmark = pytest.mark.process

# Reads the shade of a page; at that of 90 it waits for a file, at that of 200 it crashes.
_RAPIDOCR = """
import os, time
from types import SimpleNamespace
import numpy as np

class RapidOCR:
    def __init__(self, params):
        pass

    def __call__(self, image):
        shade = int(image[image.shape[0] // 2, image.shape[1] // 2, 0])
        with open(os.environ["SEEN"], "a") as seen:
            seen.write(f"{shade} ")
        while shade == 90 and not os.path.exists(os.environ["GATE"]):
            time.sleep(0.01)
        if shade == 200:
            os.abort()
        box = np.array([[0, 0], [9, 0], [9, 9], [0, 9]], float)
        return SimpleNamespace(boxes=[box], txts=[f"The shade of this page is {shade}."], scores=[0.9])
"""


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra, as far as processes can tell."""
    packages = tmp_path / "packages"
    packages.mkdir()
    (packages / "rapidocr.py").write_text(_RAPIDOCR)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(packages), os.environ.get("PYTHONPATH", ""))))
    monkeypatch.setenv("SEEN", str(tmp_path / "seen"))
    monkeypatch.setenv("GATE", str(tmp_path / "gate"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "pump.md").write_text("Pawel Nowak repairs the pump before 20 September.")
    return folder


@pytest.fixture
def engine(home: Home) -> Iterator[Engine]:
    with Engine(home.root, write=True) as engine:
        yield engine


def grey(path: Path, *shades: int) -> Path:
    """A scanned PDF with a page of each shade."""
    from reportlab.pdfgen.canvas import Canvas

    sheet = Canvas(str(path), pagesize=(200, 100))
    for shade in shades:
        sheet.setFillGray(shade / 255)
        sheet.rect(0, 0, 200, 100, fill=1, stroke=0)
        sheet.showPage()
    sheet.save()
    return path


def seen(tmp_path: Path) -> list[int]:
    return [int(shade) for shade in (tmp_path / "seen").read_text().split()]


def run(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert cli.main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_scans_are_indexed_found_and_told(
    capsys: pytest.CaptureFixture[str], folder: Path, tmp_path: Path
) -> None:
    path = grey(folder / "scan.pdf", 30, 200, 60)
    done = run(capsys, "index", str(folder))
    assert (done["indexed"], done["skipped"], done["failed"]) == (2, 0, 0)
    assert seen(tmp_path) == [30, 200, 200, 60], "a page that breaks is tried twice, the others go on"
    [found] = run(capsys, "search", "the shade is 60", "-k", "1")["results"]
    assert (found["path"], found["page"], found["reader"]) == (str(path), 3, "pdf@3+ocr@1")
    coverage = run(capsys, "status")["coverage"]
    assert (coverage["recognised"], coverage["scans"], coverage["meaning"]) == (1, 0, 2)
    run(capsys, "index", str(folder))
    assert len(seen(tmp_path)) == 4


def test_a_kill_costs_one_page(engine: Engine, folder: Path, tmp_path: Path) -> None:
    grey(folder / "scan.pdf", 30, 60, 90, 120)
    job = engine.index([folder])

    def pages(job: Job[IndexSummary]) -> int:
        return max(
            (e.done for e in job._events if isinstance(e, Progress) and e.phase == "recognise"), default=0
        )

    wait_until(lambda: pages(job) == 2)
    os.kill(engine.processes()["index"], signal.SIGKILL)
    (tmp_path / "gate").touch()
    assert job.result(HANG).indexed == 2
    tries = seen(tmp_path)
    assert (tries[:2], tries[-1], tries.count(30), tries.count(60)) == ([30, 60], 120, 1, 1)
    assert engine.status().coverage.recognised == 1
