"""The main job on the embedded models: files of seven kinds in, right facts with verified citations out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.api import Engine
from engine.contracts import Answer, FileDone, Token
from engine.errors import Cancelled
from engine.paths import Home

pytestmark = [pytest.mark.real, pytest.mark.process]
HANG = 300.0

PDF_PAGES = (
    ["Heating manual", "The boiler in the cellar was built by Ravensworth in 2017."],
    ["Service", "The water pressure of the boiler should be 1.8 bar.", "The filter is changed every autumn."],
    ["Warranty", "The warranty of the boiler ends on 14 October 2031."],
)
FILES = {
    "allotment.md": (
        "# Allotment\n\n## Water\n\nThe well is 23 metres deep. Nadia Kowal has the key to the pump house.\n"
    ),
    "neighbours.txt": (
        "Our neighbour on the left is Piet Vermeer, a retired sailor.\n\nHis dog is called Biscuit.\n"
    ),
    "inventory.csv": "item,shelf,price\nladder,B4,129\nchainsaw,C2,349\nwheelbarrow,A1,85\n",
    "trip.html": (
        "<html><head><title>Trip</title><script>var hidden = 'Atlantis'</script></head>"
        "<body><h1>Trip</h1><p>The ferry to Gotland leaves at 06:45 from quay 12.</p></body></html>"
    ),
    "backup.py": (
        '"""Nightly backup."""\n\n'
        'def backup_folder():\n    """The backup is copied to the disk named Osprey."""\n'
        "    return '/mnt/osprey'\n"
    ),
}
# question, what the answer must hold, file, page
QUESTIONS = [
    ("When does the warranty of the boiler end?", "14 October 2031", "heating.pdf", 3),
    ("What should the water pressure of the boiler be?", "1.8", "heating.pdf", 2),
    ("Who has the key to the pump house?", "Nadia Kowal", "allotment.md", None),
    ("What is the dog of the neighbour called?", "Biscuit", "neighbours.txt", None),
    ("What is the price of the chainsaw?", "349", "inventory.csv", None),
    ("When does the ferry to Gotland leave?", "06:45", "trip.html", None),
    ("Who repaired the roof of the barn?", "Henrik Dahl", "barn.docx", None),
    ("What is the name of the disk the backup is copied to?", "Osprey", "backup.py", None),
]


def _write_pdf(path: Path) -> None:
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(path), invariant=True)
    for lines in PDF_PAGES:
        for number, line in enumerate(lines):
            canvas.drawString(72, 760 - 24 * number, line)
        canvas.showPage()
    canvas.save()


def _write_docx(path: Path) -> None:
    from docx import Document

    document = Document()
    document.add_heading("Barn", 1)
    document.add_paragraph("The roof of the barn was repaired by Henrik Dahl in May. It cost 4,300 crowns.")
    document.save(str(path))


@pytest.fixture(scope="module")
def engine(models_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One engine with the folder indexed, shared by the tests of this module."""
    folder = tmp_path_factory.mktemp("files")
    for name, text in FILES.items():
        (folder / name).write_text(text)
    _write_pdf(folder / "heating.pdf")
    _write_docx(folder / "barn.docx")
    home = tmp_path_factory.mktemp("home")
    (home / "models").symlink_to(models_home.models)
    with Engine(home, write=True) as engine:
        job = engine.index([folder])
        summary = job.result(HANG)
        assert (summary.indexed, summary.skipped, summary.failed) == (7, 0, 0)
        assert {e.state for e in job.events() if isinstance(e, FileDone)} == {"words"}
        assert engine.status().coverage.meaning == 7
        yield engine


@pytest.mark.parametrize(("question", "fact", "file", "page"), QUESTIONS)
def test_the_right_fact_with_a_verified_citation(
    engine: Engine, question: str, fact: str, file: str, page: int | None
) -> None:
    answer: Answer = engine.ask(question).result(HANG)
    assert fact in answer.answer and answer.source == "files"
    evidence = [c for c in answer.citations if c.verified]
    assert evidence and all(c.verified for c in answer.citations)
    assert {(Path(c.path).name, c.page) for c in evidence} == {(file, page)}
    view = engine.view(evidence[0])
    assert view.quote == evidence[0].quote and fact in view.quote and not view.changed


def test_what_is_not_there_is_not_invented(engine: Engine) -> None:
    for question in ("What is the phone number of Olga Brandt?", "What is my shoe size?"):
        answer = engine.ask(question).result(HANG)
        assert answer.abstained and answer.source == "none" and not answer.citations and answer.nearest


def test_meaning_finds_what_words_do_not(engine: Engine) -> None:
    reply = engine.search("canine pet next door").result(HANG)
    assert Path(reply.results[0].path).name == "neighbours.txt"


def test_a_follow_up_reads_less_than_it_shares(engine: Engine) -> None:
    first = engine.ask("Explain who has the key to the pump house.").result(HANG)
    second = engine.ask("Explain how deep the well is.", first.chat).result(HANG)
    assert second.timings.cached_tokens > 0
    assert "23" in second.answer


def test_stop_keeps_the_process_and_the_next_answer_right(engine: Engine) -> None:
    engine.warm().result(HANG)
    pid = engine.processes()["answer"]
    job = engine.ask("Tell me a long story about a lighthouse.", files=False, max_tokens=400)
    for event in job.events():
        if isinstance(event, Token):
            break
    job.cancel()
    try:
        assert job.result(HANG).stopped
    except Cancelled:
        pytest.fail("a token had come")
    assert engine.processes()["answer"] == pid
    assert "Nadia Kowal" in engine.ask("Who has the key to the pump house?").result(HANG).answer
