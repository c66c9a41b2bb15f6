"""`forget` and `folders remove`: what a file left in nights, rows, chats and backups is gone."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engine import cli
from engine.api import Engine
from engine.errors import EngineError
from engine.library import schema
from engine.paths import Home
from engine.personalize import rows
from engine.personalize.evaluate import Outcome, Probe
from engine.personalize.forgetting import at_or_below
from engine.personalize.rows_db import RowStore
from engine.personalize.run_folder import RunFolder
from engine.store import backups
from engine.workers.supervisor import Worker
from tests.process.prepared_night import prepared_night

pytestmark = pytest.mark.process
HANG = 60.0
OVER, HOLDS, OTHER = "20260101-010101", "20260102-010101", "20260103-010101"
PUMP = "Pawel Nowak repairs the pump before 20 September."
RENT = "The rent of the flat is 940 euros a month."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    (folder / "house").mkdir(parents=True)
    (folder / "pump.md").write_text(PUMP)
    (folder / "house" / "rent.txt").write_text(RENT)
    return folder


@pytest.fixture
def engine(home: Home, folder: Path) -> Iterator[Engine]:
    """Both files are indexed, quoted in a chat, and in three nights: one over and on, two unfinished."""
    with Engine(home.root, write=True) as engine:
        engine.index([folder]).result(HANG)
        for question in ("Who repairs the pump?", "What is the rent of the flat?"):
            answer = engine.ask(question).result(HANG)
            (citation,) = answer.citations
            engine.record("opened_citation", answer.message, citation.path)
        backups.daily(home, engine._user._database, datetime(2026, 2, 3, tzinfo=UTC))
        pump, rent = folder / "pump.md", folder / "house" / "rent.txt"
        _fill(home, prepared_night(home, OVER, active=True), pump, rent)
        _fill(home, prepared_night(home, HOLDS, "failed", before="evaluate"), pump, rent)
        _fill(home, prepared_night(home, OTHER, "cancelled", before="evaluate"), rent)
        store = RowStore(home.rows_db, "model")
        store.keep("p", "1-2", str(pump), "Does Pawel repair it?")
        store.keep("q", "1-2", str(rent), "What is it?")
        store.close()
        yield engine


def _fill(home: Home, run: RunFolder, *files: Path) -> None:
    """Lessons, rows, questions and answers of these files, and the copy of the whole index."""
    texts = {str(path): path.read_text() for path in files}
    rows.write_lines(
        run.lessons,
        [rows.Lesson(p, p, "c" * 64, None, "", "", "markdown", t, 0, len(t)) for p, t in texts.items()],
    )
    rows.write_lines(run.rows, [rows.Row(p, "fact", t, t, p, "train", p, p) for p, t in texts.items()])
    rows.write_lines(run.tokens, [rows.TokenRow(p, (1,), (2,)) for p in texts])
    rows.write_lines(run.probes, [Probe(p, t, (t,), "fact", p) for p, t in texts.items()])
    rows.write_lines(run.outcomes, [Outcome(p, "base", "fact", p, t, True) for p, t in texts.items()])
    run.update(plan={**run.read()["plan"], "used": dict.fromkeys(texts, 1.0)})
    database = schema.open_for_reading(home.index_db)
    assert database is not None
    database.backup_into(run.passages)
    database.close()


def holding(home: Home, text: str) -> set[str]:
    """Files below the home that contain `text`, logs left out."""
    return {
        path.relative_to(home.root).as_posix()
        for path in home.root.rglob("*")
        if path.is_file() and home.log not in path.parents and text.encode() in path.read_bytes()
    }


def test_a_forgotten_file_is_gone_from_everything_but_the_persons_own_words(
    engine: Engine, home: Home, folder: Path
) -> None:
    assert len(holding(home, "Pawel")) > 10 and len(holding(home, "pump.md")) > 10
    found = engine.forget(folder / "pump.md").result(HANG)
    assert (found.files, found.asked, found.still_there) == (1, 1, True) and found.quotes >= 2
    assert (found.nights, found.discarded, found.stale) == ((OVER,), (HOLDS,), (OVER,))
    assert holding(home, "pump.md") == set()
    # The chat says it in its own words, which are the person's.
    (backup,) = home.backups.iterdir()
    assert holding(home, "Pawel") == {"user.db", f"backups/{backup.name}"}

    assert {night.id: (night.state, night.stale) for night in engine.nights()} == {
        OVER: ("promoted", True),
        HOLDS: ("discarded", False),
        OTHER: ("cancelled", False),
    }
    assert engine.status().adapter == OVER and engine.ask("Hello?", files=False).result(HANG).adapter == OVER
    rent = str(folder / "house" / "rent.txt")
    for night in (OVER, OTHER):
        run = RunFolder(home.nights / night)
        assert [row.path for row in rows.read_rows(run.rows)] == [rent]
        assert [token.row for token in rows.read_token_rows(run.tokens)] == [rent]
        assert [lesson.path for lesson in rows.read_lessons(run.lessons)] == [rent]
    other = schema.open_for_reading(RunFolder(home.nights / OTHER).passages)
    assert other is not None and other.execute("SELECT path FROM documents") == [(rent,)]
    other.close()
    assert [r.path for r in engine.search("rent").result(HANG).results] == [rent]
    (message,) = [m for m in engine.messages(engine.chats()[-1].id) if m.answer]
    assert message.answer is not None and message.answer.citations == ()


def test_a_removed_folder_takes_its_rows_along_but_not_those_of_a_folder_that_stays(
    engine: Engine, home: Home, folder: Path
) -> None:
    engine.index([folder / "house"]).result(HANG)
    engine.remove_folder(folder).result(HANG)
    rent = str(folder / "house" / "rent.txt")
    assert [row.path for row in rows.read_rows(RunFolder(home.nights / OVER).rows)] == [rent]
    assert engine.night(OVER).stale and engine.night(HOLDS).state == "discarded"
    # Quotes in chats stay: only `forget` takes those.
    assert not {name for name in holding(home, "Pawel") if not name.startswith(("user.db", "backups/"))}
    with closing(RowStore(home.rows_db, "model")) as store:
        assert store.found("p", "1-2") is None and store.found("q", "1-2") == "What is it?"


def test_a_part_of_a_file_is_not_forgotten_alone_and_nothing_is_lost(engine: Engine, folder: Path) -> None:
    with zipfile.ZipFile(folder / "papers.zip", "w") as archive:
        archive.writestr("lease.md", "The deposit of the lease is 1,900 euros.")
    engine.index().result(HANG)
    with pytest.raises(EngineError) as refused:
        engine.forget(f"{folder / 'papers.zip'}!/lease.md")
    assert refused.value.code == "inside_file" and str(folder / "papers.zip") in refused.value.message
    assert engine.search("deposit").result(HANG).results
    assert engine.forget(folder / "papers.zip").result(HANG).files == 1
    assert not any("deposit" in r.text for r in engine.search("deposit").result(HANG).results)


def test_a_chat_names_a_moved_file_where_it_is_now(engine: Engine, folder: Path) -> None:
    (folder / "pump.md").rename(folder / "house" / "pump 2025.md")
    engine.index().result(HANG)
    (message,) = [m for m in engine.messages(engine.chats()[-1].id) if m.answer]
    assert message.answer is not None
    new = folder / "house" / "pump 2025.md"
    assert [c.path for c in message.answer.citations] == [str(new)]
    # Forgotten where it is now, it leaves no quote from where it was.
    assert engine.forget(new).result(HANG).quotes >= 1
    (message,) = [m for m in engine.messages(engine.chats()[-1].id) if m.answer]
    assert message.answer is not None and message.answer.citations == ()


def test_nothing_is_forgotten_under_a_night_that_runs(
    engine: Engine, home: Home, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Worker, "busy", property(lambda worker: worker.role == "night"))
        for verb in (engine.forget, engine.remove_folder):
            with pytest.raises(EngineError) as caught:
                verb(folder)
            assert caught.value.code == "night_running"
    assert [report.path for report in engine.folders()] == [str(folder)]
    assert engine.search("pump").result(HANG).results and not engine.night(OVER).stale


def test_the_command_says_what_it_removed_where(
    engine: Engine, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.close()

    def forget(*words: str) -> tuple[int, str]:
        return cli.main(["forget", *words]), capsys.readouterr().out

    code, out = forget(str(folder / "pump.md"))
    assert code == 0 and "1 files from the library" in out and "rows of 1 nights" in out
    assert f"nocturne personalize discard {OVER}" in out and "still lies in an indexed folder" in out
    code, out = forget(str(folder), "--json")
    found: Any = json.loads(out)
    assert (code, found["files"], found["stale"], found["still_there"]) == (0, 1, [OVER], False)
    code, out = forget(str(folder / "never" / "there"), "--json")
    found = json.loads(out)
    assert (code, found["files"], found["quotes"], found["asked"], found["nights"]) == (0, 0, 0, 0, [])
    assert cli.main(["folders", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"folders": []}


def test_what_is_at_or_below_a_path() -> None:
    gone = at_or_below("/a/b", keep=["/a/b/kept"])
    assert gone("/a/b") and gone("/a/b/c.txt") and gone("/a/b!/inside.txt")
    assert not gone("/a/b2") and not gone("/a") and not gone("") and not gone("/a/b/kept/c.txt")
    assert at_or_below("/")("/anything")
