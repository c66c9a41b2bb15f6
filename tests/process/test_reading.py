"""The process that reads files: whatever a file does to it, only that file is lost."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from engine.documents import reader
from engine.documents.extract import Extract, Unreadable
from engine.documents.ocr import Page
from engine.paths import Home
from engine.workers.reading import Limits, ReaderProcess

pytestmark = pytest.mark.process

SCRIPT = [sys.executable, str(Path(__file__).with_name("scripted_reader.py"))]

Make = Callable[[str], Path]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def scripted(home: Home) -> Iterator[ReaderProcess]:
    limits = Limits(seconds=5.0, memory=300 << 20, keep=200 << 20)
    process = ReaderProcess(home, limits, SCRIPT, limits)
    yield process
    process.close()


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def write(name: str) -> Path:
        path = tmp_path / f"{name}.txt"
        path.write_text(f"the text of {name}", encoding="utf-8")
        return path

    return write


def results(process: ReaderProcess, path: Path) -> list[tuple[str, str]]:
    """(member, text or reason)."""
    return [
        (read.member, read.result.text if isinstance(read.result, Extract) else read.result.reason)
        for read in process.read_all(path)
    ]


def test_it_reads_what_the_reader_reads(home: Home, make: Make) -> None:
    process = ReaderProcess(home)
    try:
        path = make("plain")
        [read] = process.read_all(path)
        assert (read.member, read.result) == ("", reader.read(path))
        [missing] = process.read_all(path.with_name("missing.txt"))
        assert isinstance(missing.result, Unreadable)
        assert missing.result.reason == "vanished"
    finally:
        process.close()


def test_many_documents_arrive_in_order(scripted: ReaderProcess, make: Make) -> None:
    found = results(scripted, make("many"))
    assert [member for member, _text in found] == ["", *(f"{number}.txt" for number in range(20))]


def test_a_crash_costs_what_was_being_read(scripted: ReaderProcess, make: Make) -> None:
    found = results(scripted, make("crash"))
    assert found == [("", "the text of crash"), ("a.txt", "a"), ("#2", "crashed_reader")]
    assert results(scripted, make("next")) == [("", "the text of next")]


def test_a_crash_that_does_not_repeat_costs_nothing(scripted: ReaderProcess, make: Make) -> None:
    assert results(scripted, make("crash-once")) == [("", "the text of crash-once"), ("a.txt", "a")]


@pytest.mark.parametrize(("name", "reason"), [("hang", "timeout"), ("spin", "timeout"), ("hoard", "memory")])
def test_what_breaks_a_limit_is_named(scripted: ReaderProcess, make: Make, name: str, reason: str) -> None:
    assert results(scripted, make(name)) == [("", f"the text of {name}"), ("#1", reason)]
    assert results(scripted, make("next")) == [("", "the text of next")]


def recognised(process: ReaderProcess, path: Path, known: Sequence[Page] = ()) -> list[str]:
    """What is said, in order: "member/page: text or reason" of a page, "member = text" of a document."""
    said = []
    for one in process.recognise(path, known):
        if isinstance(one, Page):
            said.append(f"{one.member}/{one.number}: {one.text or one.reason}")
        else:
            text = one.result.text if isinstance(one.result, Extract) else one.result.reason
            said.append(f"{one.member} = {' '.join(text.split())}")
    return said


def test_pages_are_told_as_soon_as_they_are_recognised(scripted: ReaderProcess, make: Make) -> None:
    assert recognised(scripted, make("scan")) == [
        "0/1: page 1", "0/2: page 2", "0/3: page 3", "0/4: page 4", " = page 1 page 2 page 3 page 4",
        "1/1: inside", "inside.pdf = inside",
    ]  # fmt: skip


def test_known_pages_are_not_recognised_again(scripted: ReaderProcess, make: Make) -> None:
    path = make("scan")
    known = [Page(0, 1, "one"), Page(0, 3, "three"), Page(1, 1, "", "timeout")]
    assert recognised(scripted, path, known) == [
        "0/2: page 2", "0/4: page 4", " = one page 2 three page 4", "inside.pdf = ",
    ]  # fmt: skip
    assert path.with_suffix(".asked").read_text() == "2 4 "


@pytest.mark.parametrize(
    ("what", "reason", "times"),
    [
        ("hang", "timeout", 2),
        ("crash", "crashed_reader", 2),
        ("hoard", "memory", 2),
        ("damaged", "damaged", 1),
    ],
)
def test_a_page_that_breaks_costs_that_page(
    scripted: ReaderProcess, make: Make, what: str, reason: str, times: int
) -> None:
    path = make(f"{what}-2")
    assert recognised(scripted, path) == [
        "0/1: page 1", f"0/2: {reason}", "0/3: page 3", "0/4: page 4", " = page 1 page 3 page 4",
        "1/1: inside", "inside.pdf = inside",
    ]  # fmt: skip
    asked = path.with_suffix(".asked").read_text().split()
    assert asked == ["1", *["2"] * times, "3", "4"]


def test_where_every_page_breaks_only_a_few_are_tried(scripted: ReaderProcess, make: Make) -> None:
    path = make("crash-all")
    assert recognised(scripted, path) == [
        *(f"0/{number}: crashed_reader" for number in (1, 2, 3)), " = ", "inside.pdf = ",
    ]  # fmt: skip
    assert path.with_suffix(".asked").read_text() == "1 1 2 2 3 3 "


def test_secrets_on_a_page_are_blotted_out_before_it_is_told(scripted: ReaderProcess, make: Make) -> None:
    pages = [said for said in scripted.recognise(make("secret-1"), []) if isinstance(said, Page)]
    assert pages[0].redacted == 1 and "ghp_" not in pages[0].text


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process that sleeps is called running, too")
def test_time_passes_for_a_reader_as_it_is_given_a_processor(
    scripted: ReaderProcess, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = scripted.read_all(make("hang"))
    next(kept)
    child = scripted._child
    assert child is not None
    looks = [
        (psutil.STATUS_SLEEPING, 1.0, 0.1),
        (psutil.STATUS_RUNNING, 1.0, 0.0),
        (psutil.STATUS_RUNNING, 1.03, 0.03),
        (psutil.STATUS_RUNNING, 9.0, 0.1),
    ]
    for status, worked, passed in looks:
        monkeypatch.setattr(psutil.Process, "status", lambda _process, status=status: status)
        times = SimpleNamespace(user=worked, system=0.0)
        monkeypatch.setattr(psutil.Process, "cpu_times", lambda _process, times=times: times)
        assert child._passed() == pytest.approx(passed)
    monkeypatch.undo()
    kept.close()


def test_a_process_that_grew_is_replaced(scripted: ReaderProcess, make: Make) -> None:
    others = set(psutil.Process().children())  # of an earlier test, ending

    def pid() -> int:
        [child] = set(psutil.Process().children()) - others
        return child.pid

    assert results(scripted, make("small")) == [("", "the text of small")]
    first = pid()
    assert results(scripted, make("other")) == [("", "the text of other")]
    assert pid() == first
    assert results(scripted, make("grow")) == [("", "the text of grow")]
    assert set(psutil.Process().children()) <= others


@pytest.mark.parametrize("name", ["many", "plain", "slow"])
def test_a_file_given_up_half_way_says_nothing_later(scripted: ReaderProcess, make: Make, name: str) -> None:
    kept = scripted.read_all(make(name))  # as a traceback may keep it
    next(kept)
    assert results(scripted, make("next")) == [("", "the text of next")]
    assert results(scripted, make("last")) == [("", "the text of last")]
    kept.close()
    assert results(scripted, make("other")) == [("", "the text of other")]


def test_what_readers_leave_on_disk_goes(home: Home, scripted: ReaderProcess, make: Make) -> None:
    results(scripted, make("plain"))
    left = home.cache / "reading" / "member.txt"
    left.write_text("a member of an archive", encoding="utf-8")
    results(scripted, make("crash"))
    assert not left.exists()
    scripted.close()
    assert not left.parent.exists()


@pytest.mark.parametrize("name", ["hang", "spin"])
def test_it_ends_with_its_parent(tmp_path: Path, make: Make, name: str) -> None:
    code = (
        "import sys; from pathlib import Path; from engine.paths import Home;"
        "from engine.workers.reading import ReaderProcess;"
        f"process = ReaderProcess(Home(Path({str(tmp_path / 'home')!r})), None, {SCRIPT!r});"
        f"[print(read.member, flush=True) for read in process.read_all(Path({str(make(name))!r}))]"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    parent.stdout.readline()
    [child] = psutil.Process(parent.pid).children()
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 30
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
