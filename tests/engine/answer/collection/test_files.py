"""Questions about the files themselves, over real files and a real index."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pytest

from engine.answer.citations import strip_markers
from engine.answer.collection import reply
from engine.contracts import Answer
from engine.library import ledger
from engine.paths import Home
from tests.engine.library.conftest import Library

TODAY = date(2026, 11, 25)
FILES = {
    "Notes/Travel/ghent.md": ("# Ghent\n\nBy boat to Ghent, two nights.\n", date(2026, 5, 3)),
    "Notes/Travel/lisbon.md": ("# Lisbon\n\nThe tram climbs the hill.\n", date(2026, 5, 20)),
    "Notes/boat.md": (
        "---\ndate: 2024-08-02\n---\n# The boat\n\nThe boat needs paint.\n",
        date(2026, 11, 20),
    ),
    "Notes/garden.txt": ("Beans and peas.\n", date(2026, 11, 24)),
    "Office/rent.csv": ("month,rent\nMay,940\nJune,950\n", date(2025, 1, 7)),
    "Office/letter.eml": (
        "From: Anna Berg <anna@example.org>\nTo: me@example.org\nDate: Mon, 04 May 2026 09:00:00 +0000\n"
        "Subject: The boat\n\nThe boat is sold.\n",
        date(2026, 11, 1),
    ),
    "Office/broken.pdf": ("%PDF-1.4 nothing more", date(2026, 2, 1)),
}


@pytest.fixture
def library(home: Home, tmp_path: Path) -> Iterator[Library]:
    folder = tmp_path / "files"
    folder.mkdir()
    library = Library(home, folder)
    for name, (text, day) in FILES.items():
        path = library.put(name, text)
        noon = datetime(day.year, day.month, day.day, 12).timestamp()
        os.utime(path, (noon, noon))
    library.index()
    yield library
    library.database.close()


def ask(library: Library, question: str, within: str | None = None) -> Answer | None:
    return reply.answer(library.database, question, within, TODAY)


def told(library: Library, question: str, within: str | None = None) -> str:
    answer = ask(library, question, within)
    assert answer is not None, question
    assert (answer.source, answer.abstained) == ("files", False)
    for citation in answer.citations:
        text = ledger.document_text(library.database, citation.path)
        assert text is not None and text[citation.start : citation.end] == citation.quote and citation.quote
    assert [c.n for c in answer.citations] == [n for s in answer.sentences for n in s.citations]
    return strip_markers(answer.answer)


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("How many files do I have?", "There are 6 files; 1 more could not be read."),
        ("How many Markdown files are in Notes/Travel?", "There are 2 Markdown files in Notes/Travel."),
        ("How many notes are there in the Notes folder?", "There are 4 notes in Notes."),
        ("How many PDFs are there?", "There are no PDFs; 1 more could not be read."),
        ("How many files mention the boat?", 'There are 3 files that mention "the boat".'),
        (
            "How many notes about the boat did I write in 2024?",
            'There is 1 note that mentions "the boat" dated in 2024.',
        ),
        ("How many mails are there from Anna Berg?", "There is 1 mail from Anna Berg."),
        ("How many files were changed yesterday?", "There is 1 file changed on 24 November 2026."),
        ("Count the csv files", "There is 1 CSV file."),
    ],
)
def test_files_are_counted_and_the_answer_says_which(library: Library, question: str, first: str) -> None:
    assert told(library, question).startswith(first)


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("What did I write in May?", ["lisbon.md", "ghent.md"]),
        ("What is the newest note?", ["garden.txt"]),
        ("What are the two oldest files?", ["boat.md", "rent.csv"]),
        ("What is the oldest file in Notes?", ["boat.md"]),
        ("Which file was most recently changed?", ["garden.txt"]),
        ("List all files about the boat", ["letter.eml", "ghent.md", "boat.md"]),
        ("Which documents have I saved since 2026-11-21?", ["garden.txt"]),
        ("Show me the mails from May 2026", ["letter.eml"]),
        ("Find all files called len", []),
        ("Find all files called ghent", ["ghent.md"]),
        ("Which notes did I edit last week?", ["boat.md"]),
    ],
)
def test_files_are_listed_with_the_line_that_tells(library: Library, question: str, names: list[str]) -> None:
    if not names:
        assert ask(library, question) is None
        return
    lines = [line for line in told(library, question).splitlines() if line.startswith("- ")]
    assert [line.removeprefix("- ").partition(" (")[0].rpartition("/")[2] for line in lines] == names


def test_what_was_asked_about_is_quoted(library: Library) -> None:
    answer = ask(library, "Which files mention the tram?")
    assert answer is not None
    (citation,) = answer.citations
    assert citation.quote == "The tram climbs the hill." and citation.verified and citation.sha256
    assert answer.sentences[-1].citations == (1,) and answer.sentences[-1].supported


def test_a_long_list_says_how_many_more(library: Library) -> None:
    for number in range(25):
        library.put(f"Many/entry {number}.md", f"Entry {number} of many.")
    library.index()
    text = told(library, "List all files in Many")
    assert text.startswith("There are 25 files in Many:") and text.endswith("And 5 more.")
    assert text.count("\n- ") == 20


def test_a_folder_limits_everything(library: Library) -> None:
    inside = str(library.folder / "Notes" / "Travel")
    assert told(library, "How many files are there?", inside).startswith("There are 2 files.")
    assert ask(library, "How many files are there in Office?", inside) is None


def test_any_text_is_a_legal_question(library: Library) -> None:
    odd = [
        "",
        "how many files about",
        'list all files about "a AND (b',
        "which files mention \0 %_^",
        "[" * 300,
    ]
    for text in [*odd, "list all files in " + "in a " * 50, "how many notes in the last 99999 years"]:
        ask(library, text)
    assert ask(library, 'List all files about "the tram"') is not None


def test_a_topic_in_no_file_is_left_to_the_search(library: Library) -> None:
    assert ask(library, "List all files about submarines") is None


def test_members_count_where_they_are_asked_for(library: Library) -> None:
    letter = (
        "From {0} Mon May  4 09:00:00 2026\nFrom: {0}\nSubject: Hello\nMessage-ID: <{0}>\n\nGreetings.\n\n"
    )
    library.put("Office/all.mbox", "".join(letter.format(f"p{n}@example.org") for n in range(3)))
    library.index()
    assert told(library, "How many mails do I have?").startswith("There are 4 mails.")
    assert told(library, "How many files are in Office?").startswith("There are 3 files in Office;")


# None of them is about files: the words, a number or a thing is asked for.
ORDINARY = """
How many eggs does the cake need?
How many metres is the boat long?
How many people are in the photo?
How many pages does the lease have?
How many pictures hang in the hall?
How many notes does the scale have?
How many files does the program open at once?
How many documents did Anna sign?
How many images are in the training set?
How many mails did Anna send about the boat?
How many documents do I need for the visa?
How many files can the scanner hold?
How many photos did the photographer promise?
How many books did Anna read?
Which documents do I need for the visa?
Which documents are about to expire?
Which file format does the scanner use?
Which notes does the pianist play first?
Which files should be deleted before the release?
Which mail did Anna send about the boat?
What documents are in the safe?
What files are needed to build the project?
What is the last note of the melody?
What is the latest version of the software?
What is the newest member of the garden club?
What is the largest file size the server accepts?
What is the oldest building in Ghent?
What does the newest note say?
What did Anna write in May?
What did I write to Anna about the boat?
What did I write about the boat?
What did I buy in May?
What did I change on the bike in May?
What is new in Python 3.13?
What happened last week?
Who wrote the document about the lease?
Who sent the mail about the boat?
When was the photo of the boat taken?
When did I write the letter to the landlord?
Where are the photos of the boat kept?
List the ingredients of the plum cake
List the documents I need for the visa application
Show me the recipe for plum cake
Name the files that the script deletes
Give me the number of the landlord
What is the number of the document?
Count the beans
Is there a file about the lease?
Find the photo album of Greta
Does the newest file mention Anna?
""".strip().splitlines()


@pytest.mark.parametrize("question", ORDINARY)
def test_ordinary_questions_are_not_taken(library: Library, question: str) -> None:
    assert ask(library, question) is None
