"""Among many passages only some rows are ranked; what is found stays what ranking all of them finds."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.library import segments, words
from engine.library.query import match_expression
from engine.store.database import Database

if TYPE_CHECKING:
    from tests.engine.library.conftest import Library

COMMON = "meeting budget report garden".split()


@pytest.fixture
def filled(library: Library) -> Database:
    """600 passages in 60 documents of two folders; each common word in half of them, some words in few."""
    dice = random.Random(4)
    database = library.database
    with database.transaction():
        for number in range(60):
            document = database.insert(
                "INSERT INTO documents (path, name, size, mtime_ns, inode, state)"
                " VALUES (?, '', 0, 0, 0, 'words')",
                (f"/{'small' if number == 7 else 'large'}/{number}",),
            )
            for ordinal in range(10):
                held = [word for word in COMMON if dice.random() < 0.5]
                held += [f"filler{dice.randrange(400)}" for _ in range(dice.randrange(5, 30))]
                held += ["zebra"] if (number, ordinal) in {(3, 1), (41, 9)} else []
                passage = database.insert(
                    'INSERT INTO passages (document, ordinal, start, "end", heading, header, text_hash)'
                    " VALUES (?, ?, 0, 0, '', '', x'')",
                    (document, ordinal),
                )
                database.execute(
                    "INSERT INTO words (rowid, name, title, heading, body) VALUES (?, '', '', '', ?)",
                    (passage, " ".join(held)),
                )
    return database


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "_RANKED", 400)
    monkeypatch.setattr(words, "_RARE", 20)


def expression(text: str) -> str:
    made = match_expression(text)
    assert made is not None
    return made


def best(database: Database, *arguments: Any) -> list[int]:
    return [passage for passage, _score in words.best(database, *arguments)]


def plain(database: Database, text: str, limit: int, within: str = "1") -> list[int]:
    rows = database.execute(
        "SELECT rowid FROM words WHERE words MATCH ? AND rank MATCH 'bm25(5.0, 3.0, 2.0, 1.0)'"
        f" AND rowid IN (SELECT p.id FROM passages p JOIN documents d ON d.id = p.document WHERE {within})"
        " ORDER BY rank, rowid LIMIT ?",
        (expression(text), limit),
    )
    return [row[0] for row in rows]


def test_in_a_small_index_every_row_that_holds_a_word_is_ranked(filled: Database) -> None:
    assert words._visits(filled, "words", expression("meeting budget"), 10) == [expression("meeting budget")]
    assert best(filled, expression("meeting budget"), 600) == plain(filled, "meeting budget", 600)


def test_where_words_are_common_rows_must_hold_several(filled: Database, few: None) -> None:
    text = "meeting budget report garden"
    assert words._count(filled, "words", expression(text)) > 400
    ranks = dict(words._ranked(filled, "words", expression(text), 600, None))
    found = best(filled, expression(text), 10)
    # By their ranks, for some tie.
    assert [ranks[passage] for passage in found] == sorted(ranks.values(), reverse=True)[:10]
    (visited,) = words._visits(filled, "words", expression(text), 10)
    assert words._count(filled, "words", visited) <= 400


def test_how_common_a_word_is_need_not_be_counted_row_by_row(
    filled: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = words._last(filled, "words")
    assert last == 600 and words._about(filled, "words", '"meeting"', last) == words._count(
        filled, "words", '"meeting"'
    )
    monkeypatch.setattr(words, "_STRIP", 20)
    for term in ('"meeting"', '"budget"', '("meeting") AND ("budget")'):
        counted, estimated = words._count(filled, "words", term), words._about(filled, "words", term, last)
        assert 0.7 * counted < estimated < 1.4 * counted
    assert words._held(filled, "words", '"zebra"', last) == 2  # what is rare is counted


def test_every_word_counts_once(filled: Database, few: None) -> None:
    """A word that stood in the expression twice would weigh twice."""
    for visited in words._visits(filled, "words", expression("meeting budget garden zebra filler7"), 10):
        held = [word for word in [*COMMON, "zebra", "filler7"] if f'"{word}"' in visited]
        assert held and all(visited.count(f'"{word}"') == 1 for word in held)


def test_a_rare_word_alone_is_enough(filled: Database, few: None) -> None:
    """The passages that hold it are the best ones, whether they hold common words, too, or not."""
    filled.execute("UPDATE words SET body = 'zebra alone' WHERE rowid = 32")
    text = "meeting budget report zebra"
    found = best(filled, expression(text), 10)
    assert set(found[:2]) == set(plain(filled, text, 2)) == {32, 420}


def test_one_common_word_alone_is_ranked_in_full(filled: Database, few: None) -> None:
    assert best(filled, expression("meeting"), 10) == plain(filled, "meeting", 10)


def test_a_filter_works_inside_the_search(filled: Database, few: None) -> None:
    documents = ("SELECT id FROM documents WHERE path LIKE ?", ("/small/%",))
    text = "meeting budget report garden"
    found = best(filled, expression(text), 10, documents)
    assert found == plain(filled, text, 10, "path LIKE '/small/%'")
    assert len(found) > 5


def test_the_order_is_the_same_every_time(filled: Database, few: None) -> None:
    text = expression("meeting budget filler3 filler4 zebra")
    assert len({tuple(best(filled, text, 50)) for _ in range(3)}) == 1


@pytest.mark.parametrize("text", ["我", "汉字 我", "我 汉 字", "汉字"])
def test_pairs_and_single_characters_are_terms_too(
    library: Library, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    for row, body in enumerate(("我们 汉字", "我 汉字", "我的 汉语", "汉字"), 1):
        library.database.execute(
            "INSERT INTO segments (rowid, body) VALUES (?, ?)", (row, segments.segmented(body))
        )
    pairs = segments.match_expression(text)
    assert pairs is not None
    every = words.best(library.database, pairs, 10, table="segments")
    monkeypatch.setattr(words, "_RANKED", 1)
    found = words.best(library.database, pairs, 10, table="segments")
    assert found and set(found) <= set(every)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    text=st.lists(
        st.sampled_from([*COMMON, "zebra", "filler3", '"budget report"', "POL-358", "OR", '" OR "', "x"]),
        max_size=9,
    ).map(" ".join)
)
def test_any_text_is_legal(filled: Database, few: None, text: str) -> None:
    made = match_expression(text)
    if made is not None:
        found = best(filled, made, 20)
        assert bool(found) == bool(plain(filled, text, 1))
        assert len(found) == len(set(found)) <= 20
