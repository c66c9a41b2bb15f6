"""Another embedder over real processes: the old index answers while the new one is made, killed or not."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from engine import cli
from engine.api import Engine
from engine.contracts import FileDone, Notice, SearchReply
from engine.library import schema
from engine.paths import Home
from engine.wire import from_json
from engine.workers.answer_role import AnswerRole
from tests.process.test_engine import HANG, many_files, wait_until

pytestmark = pytest.mark.process


def _embedder(home: Home) -> str:
    database = schema.open_for_reading(home.index_db)
    assert database is not None
    try:
        return schema.embedder_id(database)
    finally:
        database.close()


def test_the_old_index_answers_until_the_new_one_is_made(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, other = many_files(tmp_path / "many", 60), many_files(tmp_path / "other", 3)
    with Engine(home.root, write=True) as engine:
        engine.index([folder, other]).result(HANG)
        chat = engine.ask("What is the code of door 7?").result(HANG).chat
    monkeypatch.setenv("NOCTURNE_FAKE_DIMENSIONS", "48")
    with Engine(home.root, write=True) as engine:
        job = engine.index([folder])
        wait_until(lambda: any(isinstance(event, FileDone) for event in job._events))
        os.kill(engine.processes()["index"], signal.SIGKILL)
        wait_until(lambda: any(isinstance(e, Notice) and e.code == "worker_restarted" for e in job._events))
        job.pause()
        assert engine.search("code of door 7").result(HANG).results[0].path == str(folder / "note007.txt")
        coverage = engine.status().coverage
        assert coverage.remaking is not None and coverage.meaning == 63
        assert _embedder(home) == "fake-embedder-384"
        assert cli.main(["--home", str(home.root), "status"]) == 0
        assert "Another model reads your files now" in capsys.readouterr().out
        job.resume()
        summary = job.result(HANG)
        assert (summary.files, summary.indexed) == (60, 60), "counts are of the folder that was asked for"
        done = [event.path for event in job.events() if isinstance(event, FileDone)]
        assert len(done) - len(set(done)) <= 1, "only the file under work when the kill came is read twice"
        assert _embedder(home) == "fake-embedder-48"
        coverage = engine.status().coverage
        assert coverage.remaking is None and coverage.meaning == 63, "the other folder is in it, too"
        assert engine.search("code of door 7").result(HANG).results[0].path == str(folder / "note007.txt")
        assert [message.role for message in engine.messages(chat)] == ["user", "assistant"]


class _Work:
    cancelled = False

    def emit(self, _event: object) -> None: ...


def test_a_question_is_put_to_the_embedder_that_made_the_index(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = many_files(tmp_path / "many", 3)
    with Engine(home.root, write=True) as engine:
        engine.index([folder]).result(HANG)
    monkeypatch.setenv("NOCTURNE_FAKE_DIMENSIONS", "48")
    role = AnswerRole(home)

    def asked() -> str:
        params = {"query": "door", "k": 3, "folder": None}
        reply = from_json(SearchReply, role.run("search", params, _Work()))
        assert len(reply.results) == 3
        assert role._embedder is not None
        return role._embedder.id

    assert asked() == "fake-embedder-384"
    with Engine(home.root, write=True) as engine:
        engine.index([folder]).result(HANG)
    assert asked() == "fake-embedder-48"
    # One that cannot be had any more: words alone find, with today's, which is not compared.
    database = schema.open_copy(home.index_db)
    database.execute("UPDATE meta SET value = 'of-another-time' WHERE key = 'embedder'")
    database.close()
    assert asked() == "fake-embedder-48"
