"""Any text is a legal query; words and meaning agree on one list."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.library import index, scan, schema, search, words
from engine.library.query import match_expression
from engine.store.database import Database

if TYPE_CHECKING:
    from tests.engine.library.conftest import Library


@pytest.fixture
def filled(library: Library) -> Library:
    library.put(
        "lease.md", "---\ntitle: Lease\n---\nThe deposit is 900 euros, invoice POL-358. Don't keep a dog."
    )
    library.put("garden/bread.md", "Bread needs flour and water.")
    library.put("garden/roses.md", "Roses need water twice a week.")
    library.put("naive.txt", "Na\u00efve caf\u00e9 visitors pay the running costs.")
    library.put("empty.txt", "")
    library.index()
    return library


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("deposit", "lease.md"),
        ("POL-358", "lease.md"),
        ("don't", "lease.md"),
        ('the "invoice POL-358" AND', "lease.md"),
        ("TODO: flour*", "bread.md"),
        ("flour NOT water NEAR(", "bread.md"),
        ("naive cafe", "naive.txt"),
        ("name:roses", "roses.md"),
        ("needing flour", "bread.md"),
        ("bread.md", "bread.md"),
        ('unclosed "flour', "bread.md"),
    ],
)
def test_what_people_type_finds_what_they_mean(filled: Library, query: str, name: str) -> None:
    assert Path(filled.search(query).results[0].path).name == name


@pytest.mark.parametrize("query", ["", "   ", "\0", "???", '""', "\U0001f600", "-", "___", '"', "\udcff"])
def test_a_query_without_words_finds_nothing(filled: Library, query: str) -> None:
    reply = filled.search(query)
    assert reply.results == () and reply.searched_files == 4


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(
    query=st.text(st.characters(categories=None), max_size=40)
    | st.text('"*(){}^:+-AND ORNT\0\u00e9', max_size=12)
)
def test_any_text_is_legal(filled: Library, query: str) -> None:
    reply = filled.search(query)
    assert reply.total_files == 4
    assert bool(reply.results) == (match_expression(query) is not None)


def test_results_are_ranked_and_exact(filled: Library) -> None:
    reply = filled.search("water costs deposit", k=3)
    assert [result.rank for result in reply.results] == [1, 2, 3]
    scores = [result.score for result in reply.results]
    assert scores == sorted(scores, reverse=True) and scores[-1] > 0
    for result in reply.results:
        (text,) = filled.database.one(
            "SELECT text FROM texts WHERE document = (SELECT id FROM documents WHERE path = ?)",
            (result.path,),
        ) or ("",)
        assert result.text == text[result.start : result.end] and result.text
        assert len(result.sha256) == 64 and "@" in result.reader
    assert reply.ms > 0
    best = filled.search("deposit").results[0]
    assert (Path(best.path).name, best.title, best.page) == ("lease.md", "Lease", None)


def test_fewer_or_no_results_are_asked_for(filled: Library) -> None:
    assert len(filled.search("water", k=1).results) == 1
    assert filled.search("water", k=0).results == ()
    assert len(filled.search("water", k=500).results) == 4


def test_a_folder_limits_words_and_meaning(filled: Library) -> None:
    garden = filled.folder / "garden"
    reply = filled.search("deposit water", folder=garden)
    assert {Path(result.path).parent for result in reply.results} == {garden}
    assert (reply.searched_files, reply.total_files) == (2, 2)
    only = filled.search("water", folder=garden / "roses.md")
    assert [Path(result.path).name for result in only.results] == ["roses.md"]
    assert filled.search("water", folder=filled.folder / "gard").results == ()


def test_a_rare_folder_is_not_lost_behind_many_better_matches(library: Library) -> None:
    for number in range(150):
        library.put(f"many/{number}.md", f"deposit deposit deposit {number}")
    library.put(
        "one/a.md", "a long text in which the deposit is one word among many others about other things"
    )
    library.index()
    reply = library.search("deposit", folder=library.folder / "one")
    assert [Path(result.path).name for result in reply.results] == ["a.md"]


def test_identical_passages_are_one_result_that_credits_all(library: Library) -> None:
    for name in ("a.md", "b/copy.md", "c/copy.txt"):
        library.put(name, "The deposit  is 900 euros." if name == "a.md" else "The deposit is 900 euros.")
    library.put("other.md", "The deposit is due.")
    library.index()
    first, second = library.search("deposit 900").results
    assert {first.path, *first.also} == {
        str(library.folder / name) for name in ("a.md", "b/copy.md", "c/copy.txt")
    }
    assert second.also == () and second.rank == 2
    inside = library.search("deposit", folder=library.folder / "b").results[0]
    assert inside.path == str(library.folder / "b" / "copy.md") and inside.also == ()


def test_statements_do_not_grow_with_what_is_found(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither with the results nor with their copies: each statement costs its planning."""
    for number in range(72):
        flat = number % 12
        library.put(f"{number}.md", f"The deposit of flat {flat} is {flat}00 euros, with water.")
    library.index()
    asked: list[str] = []
    plain = Database.execute
    monkeypatch.setattr(
        Database, "execute", lambda self, sql, params=(): asked.append(sql) or plain(self, sql, params)
    )
    (first,) = library.search("deposit water", k=1).results
    few = len(asked)
    asked.clear()
    found = library.search("deposit water", k=10).results
    assert len(asked) == few and len(found) == 10
    assert len(first.also) == 5 and all(len(result.also) == 5 for result in found)


def test_words_alone_suffice(filled: Library) -> None:
    filled.database.execute(
        "DELETE FROM vectors; UPDATE passages SET embedded = 0; DELETE FROM meta WHERE key = 'cache'"
    )
    assert [Path(result.path).name for result in filled.search("deposit").results] == ["lease.md"]


def test_meaning_finds_what_the_words_do_not(filled: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "best", lambda *_, **__: [])
    best = filled.search("bread flour").results[0]
    assert Path(best.path).name == "bread.md" and best.similarity > 0.1


def test_files_that_hold_text_are_counted(filled: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    filled.put("fails.pdf", "%PDF-1.7 not really")
    filled.index()
    reply = filled.search("water")
    assert (reply.searched_files, reply.total_files) == (4, 5)


def test_a_reader_sees_one_state_while_the_index_is_written(filled: Library) -> None:
    reader = schema.open_for_search(filled.home.index_db, filled.embedder)
    assert reader is not None
    filled.database.execute("PRAGMA busy_timeout = 10")
    with reader.snapshot():
        before = search.search(reader, filled.embedder, "deposit").results
        index.remove(filled.database, filled.folder)
        assert search.search(reader, filled.embedder, "deposit").results == before != ()
    assert search.search(reader, filled.embedder, "deposit").results == ()
    reader.close()


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("deposit", '"deposit"'),
        ("What is the deposit?", '"deposit"'),
        ("who am I", '"who" OR "am" OR "I"'),
        ("POL-358", '"POL" OR "358" OR "POL 358"'),
        ('the "exact phrase" here', '"exact" OR "phrase" OR "here" OR "exact phrase"'),
        ("rent and Rent", '"rent" OR "Rent"'),
        ("a\0b-c don't", '"b" OR "c" OR "don" OR "t"'),
        ("see main.py", '"see" OR "main" OR "py" OR "main py"'),
        (" \t", None),
    ],
)
def test_expressions(text: str, expression: str | None) -> None:
    assert match_expression(text) == expression


def test_a_pasted_page_is_cut_to_a_bounded_query() -> None:
    expression = match_expression(" ".join(f"word.{number}" for number in range(10_000)))
    assert expression is not None and expression.count(" OR ") == 48 + 16 - 1


# -- files that are known by their name alone ------------------------------------------------------


@pytest.fixture
def cloudy(library: Library, monkeypatch: pytest.MonkeyPatch) -> Library:
    """A folder whose spreadsheet, and no other file, is in the cloud only."""
    library.put("notes.md", "The budget is discussed in March.")
    library.put("work/Budget 2025.xlsx", "never read")
    library.put("id_rsa", "key")
    library.put("Budget scan.png", "")
    judge = scan._reason
    monkeypatch.setattr(
        scan, "_reason", lambda path, status: "cloud_only" if path.endswith(".xlsx") else judge(path, status)
    )
    library.index()
    return library


@pytest.mark.parametrize(
    "query",
    [
        "Budget 2025.xlsx",
        '"budget 2025.xlsx"',
        "budget 2025",
        "BUDGET",
        "what is in Budget 2025.xlsx?",
        "xlsx",
    ],
)
def test_a_file_that_is_in_the_cloud_only_is_found_by_its_name(cloudy: Library, query: str) -> None:
    reply = cloudy.search(query)
    found = {Path(file.path).name: file for file in reply.unread}
    file = found["Budget 2025.xlsx"]
    assert file.reason == "cloud_only" and file.modified[:4] == str(datetime.now(UTC).year)
    assert all(Path(result.path).name != "Budget 2025.xlsx" for result in reply.results)
    assert (reply.searched_files, reply.total_files) == (1, 1)


@pytest.mark.parametrize("query", ["id_rsa", "rsa", "what happens in march", "budget 2026.xlsx", "notes.md"])
def test_a_secrets_name_and_what_was_not_asked_for_stay_away(cloudy: Library, query: str) -> None:
    assert cloudy.search(query).unread == ()


def test_other_files_without_text_are_found_by_name_and_the_filters_hold(cloudy: Library) -> None:
    def names(**filters: Any) -> list[str]:
        reply = search.search(cloudy.database, cloudy.embedder, "budget", **filters)
        return sorted(Path(file.path).name for file in reply.unread)

    assert names() == ["Budget 2025.xlsx", "Budget scan.png"]
    assert names(folder=cloudy.folder / "work") == ["Budget 2025.xlsx"]
    assert names(kind="xlsx") == names(kind="sheet") == ["Budget 2025.xlsx"]
    assert names(since=datetime.now(UTC) + timedelta(days=1)) == []
    assert len(names(k=1)) == 1 and names(k=0) == []


def test_a_name_goes_with_its_file_and_gives_way_to_its_text(
    cloudy: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cloudy.folder / "Budget scan.png").unlink()
    monkeypatch.undo()
    (cloudy.folder / "work/Budget 2025.xlsx").rename(cloudy.folder / "work/Budget 2025.md")
    cloudy.index()
    reply = cloudy.search("budget 2025")
    assert reply.unread == () and Path(reply.results[0].path).name == "Budget 2025.md"
    assert not cloudy.on_disk("Budget scan")


def test_an_index_from_before_learns_the_names(cloudy: Library) -> None:
    cloudy.database.execute("DELETE FROM names WHERE name LIKE 'Budget%'")
    cloudy.database.execute("DELETE FROM meta WHERE key = 'checked'")
    assert cloudy.search("budget").unread == ()
    cloudy.put("notes.md", "changed")
    assert cloudy.index().mended == 0
    assert len(cloudy.search("budget").unread) == 2
    cloudy.put("notes.md", "changed again")
    cloudy.index()
    assert len(cloudy.search("budget").unread) == 2
