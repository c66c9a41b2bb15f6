"""What a search must not miss, and what it must not repeat."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts import SearchReply
from engine.library import exact, fusion, search
from engine.library.query import understand

if TYPE_CHECKING:
    from tests.engine.library.conftest import Library

MANY = 120  # files that match better, more than each list of candidates holds


def names(reply: SearchReply) -> list[str]:
    return [Path(result.path).name for result in reply.results]


def crowd(library: Library, text: str) -> None:
    for number in range(MANY):
        library.put(f"crowd/c{number:03}.md", f"{text} {'abcdefghij'[number % 10]}{number}")


# -- exact matches ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ('what is the "green copper kettle" about', "a tale of one green copper kettle and its long travels"),
        ("green copper POL-358", "among many words of no use here stands POL-358 once"),
        ("green copper pol-358 kettle", "among many words of no use here stands POL-358 once"),
    ],
)
def test_an_exact_match_comes_before_all_that_share_its_words(
    library: Library, query: str, text: str
) -> None:
    crowd(library, "kettle copper green kettle copper green copper green kettle, pol and 358")
    library.put("one.md", text)
    library.index()
    assert names(library.search(query))[0] == "one.md"


def test_a_mark_that_stands_everywhere_is_none(library: Library) -> None:
    crowd(library, "form AB-12, page two")
    library.put("rent.md", "the rent of the shed is due, says form AB-12")
    library.index()
    assert names(library.search("rent shed AB-12"))[0] == "rent.md"


@pytest.mark.parametrize("query", ["copper kettle.md", "where is kettle-copper-2024.txt", "copper kettle"])
def test_a_file_is_found_by_its_name(library: Library, query: str) -> None:
    crowd(library, "copper kettle, kettle of copper md txt 2024")
    library.put("copper kettle.md", "nothing but blue bread")
    library.put("kettle-copper-2024.txt", "nothing but grey bread")
    library.index()
    wanted = "kettle-copper-2024.txt" if "2024" in query else "copper kettle.md"
    assert names(library.search(query))[0] == wanted


@pytest.mark.parametrize("query", ["report.txt", "Report.TXT", "what says report.txt of bread?"])
def test_a_file_of_the_very_name_comes_before_longer_names(library: Library, query: str) -> None:
    for number in range(25):
        library.put(f"{number:02}-report.txt", "report of bread, and of what it says")
    library.index()
    library.put("report.txt", "nothing but grey iron")
    library.index()
    assert names(library.search(query))[0] == "report.txt"


@pytest.mark.parametrize("name", ["a.txt", "i.txt", "Makefile", "the plan of it.md"])
def test_a_name_of_common_words_finds_its_file(library: Library, name: str) -> None:
    crowd(library, "make file txt, a plan of it")
    library.put(name, "nothing but blue bread")
    library.index()
    assert names(library.search(name))[0] == name
    assert names(library.search(name, folder=library.folder / "crowd"))[0] != name


def test_of_a_file_that_is_named_the_best_ranked_passage_comes_first(library: Library) -> None:
    pages = [" ".join(f"{word}{number}" for number in range(300)) for word in ("alpha", "beta", "gamma")]
    library.put("log.txt", "\n\n".join(pages))
    library.index()
    assert "gamma7" in library.search("log.txt gamma7 gamma8").results[0].text
    assert list(exact.promoted(library.database, understand("log.txt"), None, {})) == [1]


def test_a_named_file_of_many_passages_is_not_listed(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.put("log.txt", "\n\n".join(f"line {number} " + "word " * 150 for number in range(60)))
    summary = library.index()
    rows = []
    execute = library.database.execute

    def counted(sql: str, params: Any = ()) -> list[Any]:
        rows.extend(found := execute(sql, params))
        return found

    monkeypatch.setattr(library.database, "execute", counted)
    promoted = exact.promoted(library.database, understand("log.txt"), None, {3: 0.5})
    assert next(iter(promoted)) == 3 and len(rows) < 10 < summary.passages


@pytest.mark.parametrize("query", ["xkont", "xkontoprivat.md", "kontopri"])
def test_a_file_is_found_by_its_name_in_the_folder_that_is_searched(library: Library, query: str) -> None:
    for number in range(25):
        library.put(f"other/xkontoprivat{number}.md", "nothing but grey iron")
    library.index()
    library.put("small/xkontoprivat.md", "nothing but blue bread")
    library.put("small/other.md", f"{query} of something else" if "." in query else "milk")
    library.index()
    assert names(library.search(query, folder=library.folder / "small"))[0] == "xkontoprivat.md"


def test_a_part_of_a_name_finds_its_file(library: Library) -> None:
    library.put("Aeronautics-2024.md", "wings and their lift")
    library.put("other.md", "bread and butter")
    library.index()
    assert names(library.search("eronaut"))[0] == "Aeronautics-2024.md"


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("POL-358", ('"POL 358"',)),
        ("renew pol-358 now", ('"pol 358"',)),
        ("QX7-LIMA", ('"QX7 LIMA"',)),
        ("GooseLantern48 wifi", ('"GooseLantern48"',)),
        ("call 0301234567", ('"0301234567"',)),
        ("3-dimensional flow at mach-8 in 2012", ()),
        ("12.5 percent of main.py", ()),
    ],
)
def test_marks_that_people_make_up(text: str, codes: tuple[str, ...]) -> None:
    assert understand(text).codes == codes


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ("where is main.c now", ('name : "main c"',)),
        ("see the report.v2.pdf there", ('name : "report v2 pdf"',)),
        ("the things, e.g. these, in the U.S. that is, i.e. here", ()),
    ],
)
def test_names_of_files_in_a_question(text: str, files: tuple[str, ...]) -> None:
    assert understand(text).files == files


def test_a_single_word_in_quotation_marks_is_a_word() -> None:
    assert understand('what does "training" mean').phrases == ()
    assert understand('what does "net training" mean').phrases == ('"net training"',)


# -- copies and crowding ---------------------------------------------------------------------------


def test_no_file_crowds_out_the_others(library: Library) -> None:
    part = "water for the roses, water for the beans, water and more water. " * 30
    library.put("long.md", "\n\n".join(f"## Part {number}\n\n{part}{number}" for number in range(6)))
    for number in range(4):
        library.put(f"short{number}.md", f"some water, and {'abcd'[number] * 8}")
    library.index()
    first = names(library.search("water roses beans", k=7))
    assert first.count("long.md") == 3 and set(first) == {"long.md", *(f"short{n}.md" for n in range(4))}
    whole = library.search("water roses beans", k=50)
    assert names(whole).count("long.md") >= 6
    scores = [result.score for result in whole.results]
    assert scores == sorted(scores, reverse=True)


def test_passages_that_read_nearly_the_same_are_one(library: Library) -> None:
    body = " ".join(f"word{chr(97 + number % 26)}{chr(97 + number // 26)}" for number in range(60))
    library.put("first.md", f"the deposit is held by the landlord {body}")
    library.put("second.md", f"the deposit was held by the landlord {body}")
    library.put("other-sum.md", f"the deposit 900 is held by the landlord {body}")
    library.put("other-name.md", f"the deposit is held by the Landlord {body}")
    library.index()
    found = library.search("deposit landlord")
    assert len(found.results) == 3
    [pair] = [result for result in found.results if result.also]
    assert {Path(path).name for path in (pair.path, *pair.also)} == {"first.md", "second.md"}


def test_copies_of_what_reads_nearly_the_same_are_named_too(library: Library) -> None:
    body = " ".join(f"word{chr(97 + number % 26)}{chr(97 + number // 26)}" for number in range(60))
    library.put("a.md", f"the deposit the deposit is held by the landlord {body}")
    library.put("b.md", f"the deposit was held by the landlord {body}")
    library.put("c.md", f"the deposit was held by the landlord {body}")
    library.index()
    [result] = library.search("deposit is held").results
    assert sorted(Path(path).name for path in (result.path, *result.also)) == ["a.md", "b.md", "c.md"]
    [alone] = library.search("deposit is held", folder=library.folder / "b.md").results
    assert alone.also == ()


def test_a_passage_brings_its_section(library: Library) -> None:
    filler = " ".join(f"filler{number}" for number in range(400))
    library.put("book.md", f"# One\n\nthe zebra sleeps {filler}\n\n{filler} the giraffe\n\n# Two\n\n{filler}")
    library.index()
    (text,) = library.database.one("SELECT text FROM texts") or ("",)
    small = library.search("zebra giraffe", k=3).results[0]
    whole = search.search(library.database, library.embedder, "zebra giraffe", 10, section=20_000).results
    assert whole[0].text == text[whole[0].start : whole[0].end] != small.text
    assert "zebra" in whole[0].text and "giraffe" in whole[0].text and "# Two" not in whole[0].text
    assert [result.rank for result in whole] == list(range(1, len(whole) + 1))
    assert len({(result.start, result.end) for result in whole}) == len(whole)
    alone = library.search("zebra", k=1).results[0]
    tight = search.search(library.database, library.embedder, "zebra", 1, section=len(alone.text)).results
    assert [result.text for result in tight] == [alone.text]


# -- filters ---------------------------------------------------------------------------------------


def test_kind_and_date_work_inside_the_search(library: Library) -> None:
    crowd(library, "deposit deposit deposit")
    old = library.put("old.txt", "the deposit stands here among many other words that say little")
    new = library.put("new.csv", "what,sum\ndeposit,900\nrent,700")
    for path, year in ((old, 2020), (new, 2031)):
        stamp = datetime(year, 5, 1, tzinfo=UTC).timestamp()
        os.utime(path, (stamp, stamp))
    library.index()

    def find(**filters: Any) -> list[str]:
        return names(search.search(library.database, library.embedder, "deposit", 10, **filters))

    assert find(kind="table") == ["new.csv"] == find(kind="csv") == find(kind=".CSV")
    assert find(kind="txt") == ["old.txt"] == find(kind="text")
    assert find(since=datetime(2030, 1, 1, tzinfo=UTC)) == ["new.csv"]
    assert find(kind="text", since=datetime(2030, 1, 1, tzinfo=UTC)) == []
    assert find(kind="text", folder=library.folder / "crowd") == []
    reply = search.search(library.database, library.embedder, "deposit", 10, kind="table")
    assert (reply.searched_files, reply.total_files) == (1, 1)


# -- scripts without spaces ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("会议在东京举行，天气很好。", "东京"),
        ("会议在东京举行，天气很好。", "东京的天气怎么样"),
        ("カフェで待っています", "カフェ"),
        ("ราคาค่าเช่าบ้านเดือนนี้", "ค่าเช่า"),
        ("서울에서 회의를 했습니다", "회의"),
        ("ｶﾌｪで待つ", "カフェ"),
    ],
)
def test_words_without_spaces_are_found(library: Library, text: str, query: str) -> None:
    library.put("wanted.md", text)
    library.put("other.md", "北京的书店里有很多书 本日は晴天 วันนี้อากาศดี 오늘은 비가 옵니다")
    library.index()
    assert names(library.search(query))[0] == "wanted.md"
    library.database.execute("DELETE FROM vectors; UPDATE passages SET embedded = 0")
    assert names(library.search(query))[:1] == ["wanted.md"]


def test_names_and_pairs_go_with_their_file(library: Library) -> None:
    path = library.put("东京.md", "天气很好")
    library.index()
    assert library.database.one("SELECT count(*) FROM segments") == (1,)
    path.unlink()
    library.index()
    for table in ("segments", "names", "words"):
        assert library.database.one(f"SELECT count(*) FROM {table}") == (0,)


def test_a_moved_file_is_found_by_its_new_name_alone(library: Library) -> None:
    path = library.put("旧名.md", "bread and butter")
    library.index()
    path.rename(path.with_name("新年計画-plan.md"))
    assert library.index().moved == 1
    assert names(library.search("新年")) == ["新年計画-plan.md"]
    assert library.database.execute("SELECT name FROM names") == [("新年計画-plan.md",)]
    assert library.database.one("SELECT count(*) FROM segments WHERE segments MATCH '\"旧名\"'") == (0,)


# -- fusion ----------------------------------------------------------------------------------------


def test_fusion_weighs_scores_scaled_by_their_best() -> None:
    fused = fusion.fuse([(1, 8.0), (2, 4.0)], [(2, 0.6), (3, 0.3)], weight=0.25)
    assert list(fused) == [1, 2, 3]
    assert fused == pytest.approx({1: 0.75, 2: 0.375 + 0.25, 3: 0.125})


def test_fusion_keeps_what_resembles_nothing() -> None:
    assert fusion.fuse([], [(1, -0.1), (2, -0.2)]) == {1: 0.0, 2: 0.0}
    assert fusion.fuse([], []) == {}
