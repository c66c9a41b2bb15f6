"""user.db: chats, folders and choices survive what happens to files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from engine.contracts import Answer, AnswerSentence, Citation, FolderRules, Nearest, Timings
from engine.errors import EngineError
from engine.paths import Home
from engine.store import backups
from engine.store.database import open_database
from engine.store.migrations import MIGRATIONS, Migration, migrate, version
from engine.store.user import UserStore

ANSWER = Answer(
    answer="The deposit is 900 euros [1].",
    source="files",
    abstained=False,
    citations=(
        Citation(1, "/d/lease.pdf", 2, "deposit: 900", 40, 52, True, "Costs", "ab" * 32, "pdf@1"),
        Citation(1, "/d/lease.pdf", None, "900", 49, 52, False),
    ),
    sentences=(AnswerSentence("The deposit is 900 euros [1].", True, (1,)),),
    nearest=(Nearest("/d/other.md", None, "Rent", "rent is due"),),
    searched_files=3,
    total_files=4,
    model="toy",
    adapter="20260101-000000",
    timings=Timings(search_ms=1.5, completion_tokens=9),
    stopped=True,
    note="n",
)


@pytest.fixture
def store(home: Home) -> Iterator[UserStore]:
    with UserStore(home, write=True) as store:
        yield store


def test_an_answer_comes_back_as_it_was(store: UserStore, home: Home) -> None:
    chat = store.create_chat("Lease").id
    question = store.add_message(chat, "How much is the deposit?")
    stored = store.add_answer(chat, question.id, ANSWER)
    assert stored.answer is not None
    assert stored.answer.chat == chat and stored.answer.message == stored.id and stored.answer.stored
    with UserStore(home, write=False) as reader:
        assert reader.messages(chat) == [question, stored]
        assert reader.message(stored.id) == stored
    summary = store.chats()[0]
    assert (summary.id, summary.title, summary.messages) == (chat, "Lease", 2)
    assert summary.updated == stored.created


def test_text_with_undecodable_bytes_is_stored(store: UserStore) -> None:
    chat = store.create_chat("\udcff").id
    store.add_message(chat, "caf\udce9 \x00")
    assert store.messages(chat)[0].text == "caf\ufffd \x00"


def test_paging_goes_back_without_gaps(store: UserStore) -> None:
    chat = store.create_chat().id
    ids = [store.add_message(chat, str(number)).id for number in range(25)]
    seen: list[str] = []
    before = None
    while page := store.messages(chat, limit=10, before=before):
        seen = [message.id for message in page] + seen
        before = page[0].id
    assert seen == ids


def test_a_long_chat_opens_by_index(store: UserStore) -> None:
    chat = store.create_chat().id
    with store._database.transaction():
        store._database.many(
            "INSERT INTO messages (id, chat, role, text, created) VALUES (?, ?, 'user', ?, '')",
            [(str(number), chat, "text " * 20) for number in range(10_000)],
        )
    statements: list[str] = []
    execute = store._database.execute
    store._database.execute = lambda sql, params=(): statements.append(sql) or execute(sql, params)
    page = store.messages(chat, limit=50, before="9000")
    assert [message.id for message in page] == [str(number) for number in range(8950, 9000)]
    (select,) = [sql for sql in statements if "FROM messages" in sql]
    plan = [
        row[3]
        for row in execute(f"EXPLAIN QUERY PLAN {select}", {"chat": chat, "before": "9000", "limit": 50})
    ]
    assert any("USING INDEX messages_paged (chat=? AND seq<?)" in line for line in plan), plan
    assert not any("SCAN" in line or "TEMP B-TREE" in line for line in plan), plan
    assert len(statements) <= 5


def test_the_list_of_chats_is_read_in_its_order(store: UserStore) -> None:
    plan = store._database.execute(
        "EXPLAIN QUERY PLAN SELECT id FROM chats WHERE deleted IS NULL"
        " ORDER BY updated DESC, seq DESC LIMIT 9"
    )
    assert [row[3] for row in plan] == ["SCAN chats USING INDEX chats_listed"]


def test_chats_are_renamed_deleted_restored_and_purged(store: UserStore, home: Home) -> None:
    first, second = store.create_chat("a"), store.create_chat("b")
    store.add_message(first.id, "peculiarword " * 400)
    store.rename(second.id, "c")
    assert {chat.title for chat in store.chats()} == {"a", "c"}
    store.delete(first.id)
    assert [chat.id for chat in store.chats()] == [second.id] and store.count_chats() == 1
    for verb in (
        lambda: store.messages(first.id),
        lambda: store.add_message(first.id, "x"),
        lambda: store.rename(first.id, "x"),
        lambda: store.delete(first.id),
        lambda: store.restore("unknown"),
        lambda: store.add_message("unknown", "x"),
    ):
        with pytest.raises(EngineError) as caught:
            verb()
        assert caught.value.code == "chat_missing"
    store.restore(first.id)
    assert len(store.messages(first.id)) == 1
    store.delete(first.id)
    assert store.purge() == 0
    assert store.purge(datetime.now(UTC) + timedelta(days=31)) == 1
    with pytest.raises(EngineError):
        store.restore(first.id)
    assert not any(b"peculiarword" in path.read_bytes() for path in home.root.glob("user.db*"))


def test_opening_purges_what_was_deleted_long_ago(store: UserStore, home: Home) -> None:
    chat = store.create_chat().id
    question = store.add_message(chat, "q")
    answer = store.add_answer(chat, question.id, ANSWER)
    store.vote(answer.id, "down", "better")
    store._database.execute("UPDATE chats SET deleted = '2020-01-01T00:00:00.000+00:00'")
    store.close()
    with UserStore(home, write=True) as again:
        for table in ("chats", "messages", "citations", "nearest", "votes"):
            assert again._database.one(f"SELECT count(*) FROM {table}") == (0,), table
        assert again._database.execute("SELECT kind, message, path FROM events ORDER BY seq") == [
            ("asked_about", None, "/d/lease.pdf"),
            ("vote", None, None),
        ]


def test_votes_and_events(store: UserStore) -> None:
    chat = store.create_chat().id
    question = store.add_message(chat, "q")
    answer = store.add_answer(chat, question.id, ANSWER)
    store.vote(answer.id, "up")
    store.vote(answer.id, "down", "Say 900 EUR.")
    assert store.message(answer.id).vote == "down"
    assert store._database.one("SELECT better FROM votes") == ("Say 900 EUR.",)
    store.vote(answer.id, None)
    assert store.message(answer.id).vote is None
    store.record("opened_citation", answer.id, "/d/lease.pdf")
    store.record("opened_file", None, "/d/lease.pdf")
    kinds = [row[0] for row in store._database.execute("SELECT kind FROM events ORDER BY seq")]
    assert kinds == ["asked_about", "vote", "vote", "vote", "opened_citation", "opened_file"]
    for verb in (
        lambda: store.vote(question.id, "up"),
        lambda: store.record("opened_citation", "none", "/x"),
        lambda: store.message("none"),
        lambda: store.add_answer(chat, "none", ANSWER),
    ):
        with pytest.raises(EngineError) as caught:
            verb()
        assert caught.value.code == "message_missing"


def test_folders(store: UserStore) -> None:
    store.add_folder("/b")
    store.add_folder("/a/x.md", "file", learn=True)
    store.set_learn("/b", True)
    store.add_folder("/b")
    assert [(f.path, f.kind, f.learn) for f in store.folders()] == [
        ("/a/x.md", "file", True),
        ("/b", "folder", True),
    ]
    store.remove_folder("/b")
    assert [folder.path for folder in store.folders()] == ["/a/x.md"]
    for verb in (
        lambda: store.remove_folder("/b"),
        lambda: store.set_learn("/b", False),
        lambda: store.set_rules("/b", FolderRules()),
    ):
        with pytest.raises(EngineError) as caught:
            verb()
        assert caught.value.code == "folder_missing"


def test_a_folder_keeps_its_rules(store: UserStore) -> None:
    store.add_folder("/a")
    assert store.folders()[0].rules == FolderRules()
    store.set_rules("/a", FolderRules(("!keep.log", "*.log", "!*.tex", "*.tex"), gitignore=False))
    # What is taken in again comes last, because the last pattern counts; the later of two opposites stays.
    assert store.folders()[0].rules == FolderRules(("*.log", "*.tex", "!keep.log"), gitignore=False)
    store.set_rules("/a", FolderRules())
    assert store.folders()[0].rules == FolderRules()
    store.set_rules("/a", FolderRules(("x",)))
    store.remove_folder("/a")
    store.add_folder("/a")
    assert store.folders()[0].rules == FolderRules()


def test_folders_of_the_first_schema_follow_their_gitignore(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("engine.store.user.MIGRATIONS", MIGRATIONS[:1])
        with UserStore(home, write=True) as older, older._writing() as database:
            database.execute("INSERT INTO folders (path, kind, learn, added) VALUES ('/a', 'folder', 1, '')")
    with UserStore(home, write=True) as store:
        assert [(f.path, f.learn, f.rules) for f in store.folders()] == [("/a", True, FolderRules())]


def test_a_reader_changes_nothing(home: Home) -> None:
    with UserStore(home, write=False) as reader:
        assert reader.chats() == [] and reader.folders() == []
        with pytest.raises(EngineError) as caught:
            reader.create_chat()
        assert caught.value.code == "read_only"
    assert not home.root.exists()


def test_a_backup_a_day_and_seven_kept(store: UserStore, home: Home) -> None:
    today = datetime.now(UTC)
    assert [path.name for path in home.backups.iterdir()] == [f"user-{today:%Y%m%d}.db"]
    for days in range(1, 12):
        backups.daily(home, store._database, today + timedelta(days=days))
    kept = sorted(path.name for path in home.backups.iterdir())
    assert kept == [f"user-{today + timedelta(days=days):%Y%m%d}.db" for days in range(5, 12)]


@pytest.mark.parametrize("damage", ["head", "middle", "truncated", "emptied"])
def test_damage_is_told_and_never_overwritten(store: UserStore, home: Home, damage: str) -> None:
    chat = store.create_chat().id
    for _ in range(100):
        store.add_message(chat, "text " * 100)
    store.close()
    (backup,) = home.backups.iterdir()
    backup.rename(home.backups / "user-20200101.db")
    content = bytearray(home.user_db.read_bytes())
    if damage == "head":
        content[:100] = b"\xff" * 100
    elif damage == "middle":
        content[4096 * 2 : -4096] = b"\xff" * (len(content) - 4096 * 3)
    else:
        content = content[: len(content) // 2 if damage == "truncated" else 0]
    home.user_db.write_bytes(content)
    with pytest.raises(EngineError) as caught:
        UserStore(home, write=True)
    assert caught.value.code == "user_db_corrupt"
    assert caught.value.params["backup"] == str(home.backups / "user-20200101.db")
    assert home.user_db.read_bytes() == content
    (home.backups / "user-20200101.db").unlink()
    if damage != "emptied":
        with pytest.raises(EngineError) as caught:
            UserStore(home, write=True)
        assert caught.value.code == "user_db_corrupt_no_backup"
        assert home.user_db.read_bytes() == content


def test_a_newer_file_can_be_read_but_not_changed(store: UserStore, home: Home) -> None:
    chat = store.create_chat("kept").id
    store._database.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    store.close()
    for write in (True, False):
        with UserStore(home, write=write) as newer:
            assert newer.chat(chat).title == "kept"
            with pytest.raises(EngineError) as caught:
                newer.rename(chat, "lost")
            assert caught.value.code == "user_db_newer"


def test_a_migration_is_backed_up_first_and_all_or_nothing(
    store: UserStore, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = store.create_chat("kept").id
    store.close()
    first = len(MIGRATIONS)
    steps = (
        *MIGRATIONS,
        Migration("good", lambda database: database.execute("ALTER TABLE chats ADD COLUMN colour TEXT")),
        Migration("bad", lambda database: database.execute("CREATE TABLE new (x); SELECT * FROM nowhere")),
    )
    monkeypatch.setattr("engine.store.user.MIGRATIONS", steps)
    with pytest.raises(EngineError, match="nowhere"):
        UserStore(home, write=True)
    (backup,) = home.backups.glob(f"*-schema{first}.db")
    assert version(open_database(backup, write=False)) == first
    database = open_database(home.user_db, write=False)
    assert version(database) == first + 1
    assert database.execute("SELECT name FROM migrations ORDER BY number DESC LIMIT 1") == [("good",)]
    assert database.one("SELECT 1 FROM sqlite_schema WHERE name = 'new'") is None
    database.close()
    monkeypatch.setattr("engine.store.user.MIGRATIONS", steps[:-1])
    with UserStore(home, write=True) as again:
        assert again.chat(chat).title == "kept"


def test_a_reader_of_an_older_file_migrates_only_its_copy(
    store: UserStore, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = store.create_chat("kept").id
    store.close()
    before = home.user_db.read_bytes()
    steps = (*MIGRATIONS, Migration("more", lambda database: database.execute("CREATE TABLE new (x)")))
    monkeypatch.setattr("engine.store.user.MIGRATIONS", steps)
    with UserStore(home, write=False) as reader:
        assert reader.chat(chat).title == "kept"
    assert home.user_db.read_bytes() == before


def test_migrating_twice_changes_nothing(store: UserStore) -> None:
    migrate(store._database, MIGRATIONS)
    assert version(store._database) == len(MIGRATIONS)


def test_ids_of_one_millisecond_keep_their_order(store: UserStore) -> None:
    chat = store.create_chat().id
    ids = [store.add_message(chat, str(number)).id for number in range(200)]
    assert [message.id for message in store.messages(chat, limit=500)] == ids
