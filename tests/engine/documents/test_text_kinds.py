"""Kinds of text with a structure of their own: markup, subtitles, notebooks, records."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.documents.reader import Unreadable, read
from engine.documents.readers import records
from tests.engine.documents.made import assert_complete, under, write

# ---- markup ------------------------------------------------------------------------------------

RST = """====
Trip
====

Intro with a table:

=====  =====
Item   Price
=====  =====
Boat   30
=====  =====

The :ref:`hotel <h>`
--------------------

Room 12::

    not a title
    -----------

A transition follows.

--------

Food
----
Fish.

Trip, again
===========
"""


def test_rst_titles_by_the_lines_around_them(tmp_path: Path) -> None:
    document = read(write(tmp_path / "trip.rst", RST))
    assert (document.text, document.title, document.reader) == (RST, "Trip", "rst@1")
    assert [section.headings for section in document.sections] == [
        ("Trip",), ("Trip", "The hotel"), ("Trip", "Food"), ("Trip", "Food", "Trip, again"),
    ]  # fmt: skip
    assert under(document, "Trip").startswith("====\nTrip")
    assert "transition" in under(document, "Trip", "The hotel")
    assert_complete(document)


ORG = """#+TITLE: Trip to Oslo
#+FILETAGS: :travel:norway:
Intro.
* TODO [#A] Hotel [[https://example.org][map]]  :work:
Room 12.
** Food
*Fish* is no heading.
* DONE Way home
"""


def test_org_stars_keywords_and_tags(tmp_path: Path) -> None:
    document = read(write(tmp_path / "trip.org", ORG))
    assert (document.text, document.title) == (ORG, "Trip to Oslo")
    assert document.metadata == {"title": "Trip to Oslo", "tags": "travel, norway"}
    assert "*Fish* is no heading." in under(document, "Hotel map", "Food")
    assert under(document, "Way home").startswith("* DONE")
    assert_complete(document)


def test_asciidoc_titles_outside_of_listings(tmp_path: Path) -> None:
    source = "= Trip\n:author: Mara Lind\n\n== Hotel\n\n----\n== not a title\n----\n\n=== Food\nFish.\n"
    document = read(write(tmp_path / "trip.adoc", source))
    assert (document.text, document.title, document.metadata) == (source, "Trip", {"author": "Mara Lind"})
    assert "== not a title" in under(document, "Trip", "Hotel")
    assert "Fish." in under(document, "Trip", "Hotel", "Food")


# ---- subtitles ---------------------------------------------------------------------------------

SRT = """1
00:00:01,000 --> 00:00:03,000
<i>The boat leaves</i>

2
00:00:03,100 --> 00:00:05,000
{\\an8}at six &amp; comes back.

3
01:02:05,100 --> 01:02:07,000
at six &amp; comes back.
Be there.
"""
VTT = """WEBVTT - Board meeting

STYLE
::cue { color: red }

NOTE checked by Jo

intro
00:01.000 --> 00:02.000 align:start
<v Mara Lind>Who pays?

00:02.500 --> 00:04.000
<v.loud Jo>The <00:03.000>club</v> pays,

00:04.000 --> 00:05.000
<v Jo>of course
"""


def test_subtitles_are_sentences_with_a_time(tmp_path: Path) -> None:
    document = read(write(tmp_path / "a.srt", SRT.replace("\n", "\r\n")))
    assert document.text == "[00:00:01] The boat leaves at six & comes back.\n[01:02:05] Be there."


def test_subtitles_name_their_speakers(tmp_path: Path) -> None:
    document = read(write(tmp_path / "a.vtt", VTT))
    assert document.title == "Board meeting"
    assert document.text == "[00:00:01] Mara Lind: Who pays?\n[00:00:02] Jo: The club pays, of course"


# ---- notebooks ---------------------------------------------------------------------------------


def test_notebook_notes_code_and_short_outputs(tmp_path: Path) -> None:
    def code(source: str, *outputs: object) -> dict[str, object]:
        return {"cell_type": "code", "source": source, "outputs": list(outputs)}

    cells = [
        {"cell_type": "markdown", "source": ["# Rents\n", "\n", "By year.\n", "## Oslo\n", "Dear."]},
        code("rent = 3", {"output_type": "stream", "text": ["three\n"]}, {"text": "long " * 300}),
        code("1/0", {"ename": "ZeroDivisionError", "evalue": "division by zero"}),
        {"cell_type": "markdown", "source": "It is dear."},
        code("rent", {"data": {"text/plain": "3", "image/png": "iVBORw0KGgo="}}),
    ]
    document = read(write(tmp_path / "rents.ipynb", json.dumps({"cells": cells, "nbformat": 4})))
    assert (document.title, document.kind) == ("Rents", "notebook")
    assert under(document, "Rents").strip() == "# Rents\n\nBy year."
    assert under(document, "Rents", "Oslo").split("\n\n") == [
        "## Oslo\nDear.", "rent = 3", "three", "1/0", "ZeroDivisionError: division by zero", "It is dear.",
        "rent", "3",
    ]  # fmt: skip
    assert_complete(document)


@pytest.mark.parametrize(
    "content", ["no notebook", '{"cells": [', '{"cells": 3}', '{"cells": [7], "worksheets": {}}']
)
def test_what_is_no_notebook_stays_as_it_is(tmp_path: Path, content: str) -> None:
    assert read(write(tmp_path / "a.ipynb", content)).text == content


def test_a_notebook_of_empty_cells_is_empty(tmp_path: Path) -> None:
    content = (
        '{"cells": [{"source": {}}, {"cell_type": "markdown"}, {"outputs": [{"data": {"text/plain": 3}}]}]}'
    )
    with pytest.raises(Unreadable, match="empty"):
        read(write(tmp_path / "a.ipynb", content))


# ---- records -----------------------------------------------------------------------------------


def test_json_records_can_be_understood_alone(tmp_path: Path) -> None:
    tree = {
        "club": "Rowing",
        "address": {"city": "Oslo", "zip": None},
        "open": True,
        "days": ["Mon", "Tue"],
        "members": [
            {"name": "Mara", "boats": [{"id": 1.50}, {"id": 2}]},
            {"name": "Jo", "text": "word " * 200},
        ],
    }
    document = read(
        write(tmp_path / "club.json", json.dumps(tree).replace("1.5,", "1.50,").replace("1.5}", "1.50}"))
    )
    assert under(document).strip() == "club: Rowing\naddress.city: Oslo\nopen: true\ndays: Mon, Tue"
    assert under(document, "members").strip() == "name: Mara\nboats.id: 1.50\nboats.id: 2"
    assert under(document, "members", "name: Jo").startswith("name: Jo\ntext: word")
    assert (document.kind, document.reader) == ("data", "records@2")
    assert_complete(document)


def test_a_list_of_short_records_is_a_table(tmp_path: Path) -> None:
    """Its name once, and each record on one line, as of any table."""
    fields = [{"name": "city", "size": 12}, {"name": "zip", "size": 5, "note": None}]
    tree = {"records": {"title": "calls", "fields": fields, "long": [{"a": "x", "b": "y " * 400}] * 2}}
    text = read(write(tmp_path / "layout.json", json.dumps(tree))).text
    assert text.startswith(
        "records.title: calls\nrecords.fields:\nname: city; size: 12\nname: zip; size: 5\n"
    )
    assert text.count("records.long.a: x\nrecords.long.b: y y") == 2


def test_json_lines(tmp_path: Path) -> None:
    document = read(write(tmp_path / "a.jsonl", '{"a": 1, "b": "x"}\n\n{"a": 2, "b": "y"}\n'))
    assert document.text == "a: 1\nb: x\n\na: 2\nb: y"


@pytest.mark.parametrize(
    "content",
    [
        "{cut: off",
        '{"a": 1}\n{"b": ',
        "[" * 100_000,
        "[]",
        "{}",
        '{"n": ' + "9" * 5000 + "}",
        "// a note\n{}",
    ],
)
def test_what_is_no_json_or_holds_nothing_stays_as_it_is(tmp_path: Path, content: str) -> None:
    text = read(write(tmp_path / "a.json", content)).text
    assert text == content or text == "n: " + "9" * 5000


def test_json_that_would_grow_beyond_bounds_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.documents.extract.MAX_TEXT", 1000)
    content = json.dumps({"name" * 30: {str(n): 1 for n in range(20)}})
    assert len(content) < 1000
    assert read(write(tmp_path / "a.json", content)).text == content


def test_a_tree_too_large_for_memory_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_MAX_TREE", 10)
    assert read(write(tmp_path / "a.json", '{"a":\n "long value"}')).text == '{"a":\n "long value"}'
