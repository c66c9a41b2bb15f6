"""Engine over real worker processes with the deterministic models."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from engine.api import Engine
from engine.contracts import FileDone, Found, Notice, Progress, Token
from engine.errors import Cancelled, EngineError
from engine.paths import Home

pytestmark = pytest.mark.process
HANG = 60.0


@pytest.fixture
def engine(home: Home) -> Iterator[Engine]:
    with Engine(home.root, write=True) as engine:
        yield engine
        running = list(engine.processes().values())
    assert not [pid for pid in running if _alive(pid)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "pump.md").write_text("# Pump\n\nPawel Nowak repairs the pump before 20 September.\n")
    (folder / "rent.txt").write_text("The rent of the flat is 940 euros a month.\n")
    (folder / "empty.txt").write_text("")
    return folder


def _alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def wait_until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + HANG
    while not condition():
        assert time.monotonic() < limit, "hung"
        time.sleep(0.01)


def many_files(folder: Path, count: int) -> Path:
    folder.mkdir(exist_ok=True)
    for number in range(count):
        (folder / f"note{number:03}.txt").write_text(
            f"Note {number}: the code of door {number} is {7000 + number}."
        )
    return folder


def test_a_folder_is_indexed_and_asked(engine: Engine, folder: Path) -> None:
    job = engine.index([folder])
    summary = job.result(HANG)
    assert (summary.files, summary.indexed, summary.skipped, summary.failed) == (3, 2, 1, 0)
    assert {e.reason for e in job.events() if isinstance(e, FileDone) and e.state == "skipped"} == {"empty"}
    asked = engine.ask("Who repairs the pump?")
    answer = asked.result(HANG)
    assert "Pawel Nowak" in answer.answer and answer.source == "files" and answer.stored
    assert answer.citations[0].path == str(folder / "pump.md") and answer.citations[0].verified
    assert any(isinstance(event, Found) for event in asked.events())
    stored = engine.messages(answer.chat)
    assert [m.role for m in stored] == ["user", "assistant"]
    assert stored[1].answer == answer
    view = engine.view(answer.citations[0])
    assert view.quote == answer.citations[0].quote and not view.changed


def test_a_follow_up_keeps_the_subject_and_the_chat(engine: Engine, folder: Path) -> None:
    engine.index([folder]).result(HANG)
    first = engine.ask("Who repairs the pump?").result(HANG)
    second = engine.ask("And when does he do it?", first.chat).result(HANG)
    assert second.chat == first.chat and "20 September" in second.answer
    assert len(engine.messages(first.chat)) == 4


def test_status_and_problems_name_every_file(engine: Engine, folder: Path) -> None:
    assert engine.status().coverage.files == 0
    engine.index([folder]).result(HANG)
    status = engine.status()
    assert (status.coverage.indexed, status.coverage.meaning, status.coverage.skipped) == (2, 2, 1)
    assert [(p.path, p.reason) for p in engine.problems()] == [(str(folder / "empty.txt"), "empty")]
    assert [f.path for f in status.folders] == [str(folder)]


def test_looking_at_the_library_loads_no_library_of_models(engine: Engine, folder: Path, home: Home) -> None:
    engine.index([folder]).result(HANG)
    look = (
        "import sys; from engine.api import Engine; engine = Engine(sys.argv[1], write=False);"
        "assert engine.status().coverage.files == 3; engine.problems(); engine.chats(); engine.close();"
        "print({'numpy', 'sqlite_vec', 'onnxruntime', 'llama_cpp', 'tokenizers'} & set(sys.modules))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", look, str(home.root)], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "set()"


def test_a_removed_folder_leaves_nothing(engine: Engine, folder: Path, home: Home) -> None:
    engine.index([folder]).result(HANG)
    engine.remove_folder(folder).result(HANG)
    assert engine.folders() == [] and engine.search("pump").result(HANG).results == ()
    for file in home.root.glob("index.db*"):
        assert b"Pawel Nowak" not in file.read_bytes()
    with pytest.raises(EngineError) as caught:
        engine.remove_folder(folder)
    assert caught.value.code == "folder_missing"


@pytest.mark.parametrize("others", [0, 1])
def test_a_removal_cut_short_is_finished_by_the_next_run(
    home: Home, folder: Path, tmp_path: Path, others: int
) -> None:
    """The person removes a folder while it is indexed, and closes the program."""
    files = many_files(tmp_path / "many", 400)
    with Engine(home.root, write=True) as engine:
        if others:
            engine.index([folder]).result(HANG)
        job = engine.index([files])
        wait_until(lambda: any(isinstance(e, FileDone) for e in job._events))
        engine.remove_folder(files)
    with Engine(home.root, write=True) as engine:
        assert engine.status().coverage.files > 3  # it was cut short
        assert engine.index().result(HANG).files == 3 * others
        assert engine.status().coverage.files == 3 * others


def test_a_scope_outside_the_library_is_refused(engine: Engine, folder: Path, tmp_path: Path) -> None:
    engine.index([folder]).result(HANG)
    for elsewhere in (tmp_path / "elsewhere", f"{folder}-2"):
        for verb in (
            lambda path: engine.search("pump", folder=path),
            lambda path: engine.ask("Who repairs the pump?", folder=path),
            engine.retry,
        ):
            with pytest.raises(EngineError) as caught:
                verb(elsewhere)
            assert caught.value.code == "folder_missing"
    assert engine.chats() == []
    assert engine.search("pump", folder=folder.parent).result(HANG).results
    assert engine.search("pump", folder=folder).result(HANG).results


def test_the_index_worker_killed_in_the_middle_goes_on(engine: Engine, tmp_path: Path) -> None:
    files = many_files(tmp_path / "many", 150)
    job = engine.index([files])
    events = job.events()
    for event in events:
        if isinstance(event, FileDone):
            break
    os.kill(engine.processes()["index"], signal.SIGKILL)
    assert job.result(HANG).indexed == 150
    assert any(isinstance(e, Notice) and e.code == "worker_restarted" for e in job.events())
    done = [e.path for e in job.events() if isinstance(e, FileDone)]
    # Only the file under work when the kill came may have been read twice.
    assert len(done) - len(set(done)) <= 1


def test_the_answer_worker_killed_in_the_middle_is_an_error_and_the_next_answer_comes(
    engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.index([folder]).result(HANG)
    monkeypatch.setenv("NOCTURNE_FAKE_TOKEN_SECONDS", "0.2")
    job = engine.ask("Explain who repairs the pump.")
    wait_until(lambda: any(isinstance(e, Token) for e in job._events))
    os.kill(engine.processes()["answer"], signal.SIGKILL)
    with pytest.raises(EngineError) as caught:
        job.result(HANG)
    assert caught.value.code == "worker_crashed"
    monkeypatch.delenv("NOCTURNE_FAKE_TOKEN_SECONDS")
    chat = engine.chats()[0].id
    assert [m.role for m in engine.messages(chat)] == ["user"]  # the question is not lost
    assert "Pawel Nowak" in engine.ask("Who repairs the pump?", chat).result(HANG).answer


def test_stop_while_writing_keeps_the_words(
    engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.index([folder]).result(HANG)
    monkeypatch.setenv("NOCTURNE_FAKE_TOKEN_SECONDS", "0.2")
    job = engine.ask("Explain who repairs the pump.")
    wait_until(lambda: any(isinstance(e, Token) for e in job._events))
    pid = engine.processes()["answer"]
    job.cancel()
    answer = job.result(HANG)
    assert answer.stopped and answer.answer and answer.stored
    assert engine.processes()["answer"] == pid  # it listened: nothing had to be killed


def test_stop_while_reading_the_prompt_is_cancelled(
    engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.index([folder]).result(HANG)
    monkeypatch.setenv("NOCTURNE_FAKE_SLICE_SECONDS", "30")
    job = engine.ask("Explain who repairs the pump.")
    wait_until(lambda: any(isinstance(e, Found) for e in job._events))
    pid = engine.processes()["answer"]
    job.cancel()
    with pytest.raises(Cancelled):
        job.result(HANG)
    assert engine.processes()["answer"] == pid


def test_indexing_stands_still_while_an_answer_is_computed(
    engine: Engine, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.index([folder]).result(HANG)
    background = engine.index([many_files(tmp_path / "many", 400)])
    wait_until(lambda: any(isinstance(e, FileDone) for e in background._events))
    monkeypatch.setenv("NOCTURNE_FAKE_TOKEN_SECONDS", "0.1")
    job = engine.ask("Explain who repairs the pump.")
    wait_until(lambda: any(isinstance(e, Token) for e in job._events))
    if not background.ended:
        index = psutil.Process(engine.processes()["index"])
        wait_until(lambda: index.status() == psutil.STATUS_STOPPED or job.ended)
        assert not job.ended
    job.cancel()
    job.result(HANG)
    assert background.result(HANG).indexed == 400


def test_pause_and_cancel_of_indexing_lose_nothing(engine: Engine, tmp_path: Path) -> None:
    files = many_files(tmp_path / "many", 300)
    job = engine.index([files])
    wait_until(lambda: any(isinstance(e, FileDone) for e in job._events))
    job.pause()
    job.cancel()
    with pytest.raises(Cancelled):
        job.result(HANG)
    kept = engine.status().coverage.indexed
    again = engine.index()
    assert again.result(HANG).indexed == 300
    read = [e for e in again.events() if isinstance(e, Progress) and e.phase == "words" and e.current]
    assert len({e.current for e in read}) <= 300 - kept + 1


def test_a_second_writer_is_named_and_readers_still_read(engine: Engine, folder: Path, home: Home) -> None:
    engine.index([folder]).result(HANG)
    with pytest.raises(EngineError) as caught:
        Engine(home.root, write=True)
    assert caught.value.code == "home_locked" and str(os.getpid()) in caught.value.message
    with Engine(home.root) as reader:
        assert not reader.writable
        assert reader.status().coverage.indexed == 2
        answer = reader.ask("Who repairs the pump?").result(HANG)
        assert "Pawel Nowak" in answer.answer and not answer.stored and answer.note
        with pytest.raises(EngineError) as caught:
            reader.index([folder])
        assert caught.value.code == "read_only"
    assert len(engine.chats()) == 0


def test_paths_that_cannot_be_indexed_are_refused_before_anything_is_remembered(
    engine: Engine, home: Home, tmp_path: Path
) -> None:
    for path, code in ((tmp_path / "nothing", "path_missing"), (home.root / "log", "path_is_home")):
        home.log.mkdir(exist_ok=True)
        with pytest.raises(EngineError) as caught:
            engine.index([path])
        assert caught.value.code == code
    assert engine.folders() == []
    with pytest.raises(EngineError) as caught:
        engine.index()
    assert caught.value.code == "nothing_indexed"


def test_a_corrupt_index_is_set_aside_and_made_anew(engine: Engine, folder: Path, home: Home) -> None:
    engine.index([folder]).result(HANG)
    home.index_db.write_bytes(b"this is no database" * 500)
    job = engine.index()
    assert job.result(HANG).indexed == 2
    notices = [e for e in job.events() if isinstance(e, Notice)]
    assert [n.code for n in notices] == ["index_rebuilt"]
    assert Path(notices[0].params["path"]).exists()
    assert "940" in engine.ask("What is the rent?").result(HANG).answer


def test_closing_ends_all_processes_in_the_middle_of_work(home: Home, folder: Path, tmp_path: Path) -> None:
    engine = Engine(home.root, write=True)
    job = engine.index([many_files(tmp_path / "many", 300)])
    wait_until(lambda: any(isinstance(e, FileDone) for e in job._events))
    pids = list(engine.processes().values())
    engine.close()
    assert job.ended and not [pid for pid in pids if _alive(pid)]
    with Engine(home.root, write=True) as again:
        assert again.index().result(HANG).indexed == 300


def test_doctor_says_what_works(engine: Engine) -> None:
    checks = {check.name: check for check in engine.doctor()}
    assert checks["python"].ok and checks["home"].ok and checks["chat"].ok and checks["sqlite_vec"].ok
    assert all(check.ok or check.hint for check in checks.values())
