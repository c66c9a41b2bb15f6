"""Sums and other figures of columns, over real tables in a real index."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from engine.answer.citations import strip_markers
from engine.answer.collection import reply
from engine.answer.collection.columns import named_rows, pipe_rows
from engine.contracts import Answer
from engine.library import ledger
from engine.paths import Home
from tests.engine.library.conftest import Library

EXPENSES = """date,item,category,amount
2026-04-30,Rent,home,940.00
2026-05-02,Paint,boat,35.50
2026-05-30,Rope,boat,12.25
2026-06-01,Rent,home,950.00
2026-06-03,Gift,,none
"""
CITIES = "city;population;area\nGhent;267,709;156.2\nBruges;119,541;138.4\nOstend;71,557;37.7\n"
PRICES = "what;price\nlamp;12,50 €\nchair;40,00 €\ndesk;199,90 €\n"
PHONES = "name,phone\nAda,0471 20 30 40\nBo,0472 11 22 33\n"
INVOICES = "what,total,price,total price\nlamps,10,4,8\nchairs,20,5,9\n"
LOG = "# Rides\n\n| day | distance |\n|---|---|\n| Monday | 12 km |\n| Friday | 30 km |\n"


@pytest.fixture
def library(home: Home, tmp_path: Path) -> Iterator[Library]:
    folder = tmp_path / "files"
    folder.mkdir()
    library = Library(home, folder)
    library.put("expenses.csv", EXPENSES)
    library.put("belgian cities.csv", CITIES)
    library.put("prices.csv", PRICES)
    library.put("phones.csv", PHONES)
    library.put("invoices.csv", INVOICES)
    library.put("rides.md", LOG)
    library.put("lease.md", "The total rent of the lease is 11,280 euros. The average rent is 940 euros.")
    library.index()
    yield library
    library.database.close()


def ask(library: Library, question: str) -> Answer | None:
    return reply.answer(library.database, question, None, date(2026, 11, 25))


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("What is the sum of the amount column in expenses.csv?",
         "The sum of amount in expenses.csv is 1937.75 (4 rows; 1 without a number left out)."),
        ("What is the total amount in expenses.csv for the category boat?",
         "The sum of amount in expenses.csv is 47.75 (2 rows that say boat)."),
        ("What is the total amount of the expenses in May 2026?",
         "The sum of amount in expenses.csv is 47.75 (2 rows dated in May 2026)."),
        ("What is the average amount for Rent in expenses.csv?",
         "The average of amount in expenses.csv is 945 (2 rows that say Rent)."),
        ("What is the highest amount in expenses.csv?",
         "The highest amount in expenses.csv is 950.00: 2026-06-01; Rent; home"
         " (1 without a number left out)."),
        ("Which city has the highest population?",
         "The highest population in belgian cities.csv is 267,709: Ghent; 156.2."),
        ("What is the total population of the cities?",
         "The sum of population in belgian cities.csv is 458,807 (3 rows)."),
        ("What is the smallest area in belgian cities.csv?",
         "The lowest area in belgian cities.csv is 37.7: Ostend; 71,557."),
        ("What is the total price in prices.csv?", "The sum of price in prices.csv is 252,40 € (3 rows)."),
        ("What is the average distance in rides.md?",
         "The average of distance in rides.md is 21 km (2 rows)."),
        ("What is the sum of the total column in invoices.csv?",
         "The sum of total in invoices.csv is 30 (2 rows)."),
        ("What is the total price of lamps in invoices.csv?",
         "The sum of total price in invoices.csv is 8 (1 row that says lamps)."),
        ("How many rows does expenses.csv have?", "expenses.csv has 5 rows."),
        ("How many entries in expenses.csv have the category boat?",
         "expenses.csv has 2 rows that say boat."),
    ],
)  # fmt: skip
def test_a_figure_says_of_what_and_cites_its_rows(library: Library, question: str, said: str) -> None:
    answer = ask(library, question)
    assert answer is not None and strip_markers(answer.answer) == said
    assert answer.citations and answer.sentences[0].supported
    for citation in answer.citations:
        text = ledger.document_text(library.database, citation.path)
        assert (
            text is not None and text[citation.start : citation.end] == citation.quote and citation.verified
        )


def test_rows_together_are_one_citation_and_scattered_ones_two(library: Library) -> None:
    together = ask(library, "What is the total amount for boat in expenses.csv?")
    assert together is not None
    assert [c.quote.count("\n") for c in together.citations] == [1]
    apart = ask(library, "What is the total amount for Rent in expenses.csv?")
    assert apart is not None and [("940" in c.quote, "950" in c.quote) for c in apart.citations] == [
        (True, False),
        (False, True),
    ]


@pytest.mark.parametrize(
    "question",
    [
        "What is the total rent of the lease?",  # of no column
        "What is the total amount of the boat repair?",  # no row says repair
        "What is the total amount per category?",
        "What is the average phone?",  # numbers that are names
        "What is the highest mountain?",
        "What is the sum of two and three?",
        "What is the average speed of the boat?",
        "What was the highest bid at the auction?",
        "How many rows of beans are in the garden?",
        "How many entries does the diary have?",
        "How much is the total?",
        "What is the total?",
        "Did Anna pay the total amount?",
        "What is the maximum weight of the trailer?",
    ],
)
def test_ordinary_questions_are_not_taken(library: Library, question: str) -> None:
    assert ask(library, question) is None


def test_two_tables_with_the_column_are_told_apart_by_name_or_not_at_all(library: Library) -> None:
    library.put("income.csv", "date,amount\n2026-05-01,100\n2026-06-01,200\n")
    library.index()
    assert ask(library, "What is the total amount?") is None
    answer = ask(library, "What is the total amount in income.csv?")
    assert answer is not None and "300" in answer.answer


def test_a_sheet_is_added_up_and_its_number_cited(library: Library) -> None:
    from openpyxl import Workbook

    book = Workbook()
    book.active.title = "Empty"
    sheet = book.create_sheet("Hours")
    for row in (["project", "hours"], ["Heron", 12.5], ["Ibis", 30], ["Heron", 7]):
        sheet.append(row)
    book.save(library.folder / "work.xlsx")
    library.index()
    answer = ask(library, "What is the sum of hours for Heron in work.xlsx?")
    assert answer is not None and "is 19.5 (2 rows that say Heron)" in answer.answer
    assert {citation.page for citation in answer.citations} == {2}


def test_values_may_hold_what_separates_them() -> None:
    rows = list(named_rows("a: 1; b: x; y: z\na: 2; b: w\na: 3; b: v\na: 4; b: u\n"))
    assert rows[0].cells == {"a": "1", "b": "x; y: z"} and rows[1].cells == {"a": "2", "b": "w"}
    text = "| a | b |\n|---|:-:|\n| 1 | **x** |\n\nno | table\n"
    assert [row.cells for row in pipe_rows(text)] == [{"a": "1", "b": "x"}]
