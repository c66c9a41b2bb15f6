"""Markers become checked citations; a wrong value never passes."""

from __future__ import annotations

import pytest

from engine.answer.citations import check
from engine.contracts import Passage

LEASE = (
    "The rent of the flat in Tallinn is 850 euros a month. The deposit was 1,700 euros, paid in March.\n"
    "The landlord is Mr. Jaan Tamm. Notice must be given three months before the end of the contract."
)
PHONES = (
    "name: Anna Berg; phone: 555-0142; room: 12\nname: Bob Lind; phone: 555-0177; room: 14\n"
    "name: Cleo Marsh; phone: 555-0199; room: 21"
)
GARDEN = (
    "Anna Berg runs the community garden. She moved to Riga in 2019. The greenhouse is opened at 7:30 every "
    "morning by Bob Lind, who also waters the tomatoes."
)


def passage(text: str, path: str, start: int = 100, heading: str = "") -> Passage:
    return Passage(1, path, None, heading, text, start, start + len(text), 1.0, sha256="00", reader="md@1")


TOOLS = (
    "item: ladder; shelf: B4; price: 129\n"
    "item: chainsaw; shelf: C2; price: 349\n"
    "item: axe; shelf: A1; price: 85"
)


FILES = [
    passage(TOOLS, "/docs/inventory.csv"),
    passage(LEASE, "/docs/lease.md"),
    passage(PHONES, "/docs/phones.csv"),
    passage(GARDEN, "/docs/garden.md"),
]

# question, right answer, the same answer with its value replaced by another of its kind from the folder
SWAPS = [
    ("What is the deposit?", "The deposit is 1,700 euros [1].", "The deposit is 850 euros [1]."),
    ("How much is the rent?", "The rent is 850 euros a month.", "The rent is 1,700 euros a month."),
    ("What is Anna Berg's phone number?", "555-0142", "555-0177"),
    (
        "What is Bob's phone number?",
        "Bob's phone number is 555-0177 [2].",
        "Bob's phone number is 555-0199 [2].",
    ),
    ("Which room is Cleo Marsh in?", "Cleo Marsh is in room 21.", "Cleo Marsh is in room 12."),
    ("When did Anna Berg move to Riga?", "She moved to Riga in 2019 [3].", "She moved to Riga in 2021 [3]."),
    ("Who is the landlord?", "The landlord is Jaan Tamm [1].", "The landlord is Bob Lind [1]."),
    ("When is the greenhouse opened?", "It is opened at 7:30.", "It is opened at 8:15."),
    ("Who opens the greenhouse?", "Bob Lind opens the greenhouse.", "Jaan Tamm opens the greenhouse."),
    (
        "What is the price of the chainsaw?",
        "The price of the chainsaw is 349.",
        "The price of the chainsaw is 129.",
    ),
    ("Who runs the community garden?", "Anna Berg runs it.", "Cleo Marsh runs it."),
]


@pytest.mark.parametrize(("question", "right", "swapped"), SWAPS)
def test_a_swapped_value_is_not_verified(question: str, right: str, swapped: str) -> None:
    good, bad = check(question, right, FILES), check(question, swapped, FILES)
    assert [s.supported for s in good.sentences] == [True]
    assert good.citations and all(c.verified for c in good.citations)
    assert not any(s.supported for s in bad.sentences)
    assert not any(c.verified for c in bad.citations)


def test_a_number_of_the_question_keeps_its_word() -> None:
    rows = "month: 3; weight: 80; books: 6\nmonth: 6; weight: 77; books: 3"
    table = [passage(rows, "/docs/weights.csv")]
    for answer, supported in (("The weight was 80.", True), ("The weight was 77.", False)):
        assert check("What was the weight in month 3?", answer, table).supported is supported


COURSES = (
    "Course: Cello; Teacher: Irma Marek; Room: 51; Fee in crowns: 203\n"
    "Course: Welsh; Teacher: Felix Lund; Room: 27; Fee in crowns: 187"
)
FLAT = "The rent is 790 crowns, due on the third working day.\nThe deposit is 2958 crowns."
VILLAGE = "Boris Pahl moved to Verdal in November. The town council of Hollen sent flowers."
MORE = [
    passage(COURSES, "/docs/school.html", heading="Courses of the Nystrand evening school"),
    passage(FLAT, "/docs/agreement Birkwald Lane 89.txt"),
    passage(VILLAGE, "/docs/letter.txt"),
]


@pytest.mark.parametrize(
    "question, right, swapped",
    [
        # a value belongs to the field it follows, not to the next one
        (
            "What is the fee for Cello at the Nystrand evening school?",
            "The fee for Cello at the Nystrand evening school is 203 crowns.",
            "The fee for Cello at the Nystrand evening school is 51 crowns.",
        ),
        # "taught" is a verb of the answer's own
        (
            "Who teaches Cello at the Nystrand evening school?",
            "Cello at the Nystrand evening school is taught by Irma Marek.",
            "Cello at the Nystrand evening school is taught by Felix Lund.",
        ),
        # the number stands in the file's name
        (
            "How high is the rent in Birkwald Lane 89?",
            "The rent in Birkwald Lane 89 is 790 crowns.",
            "The rent in Birkwald Lane 89 is 2958 crowns.",
        ),
        # a file does not say of a town that it is one
        ("To which town did Boris Pahl move?", "Boris Pahl moved to Verdal.", "Boris Pahl moved to Hollen."),
        (
            "Since when has Boris Pahl lived there?",
            "Boris Pahl moved in November.",
            "Boris Pahl moved in June.",
        ),
    ],
)
def test_a_right_answer_in_words_of_its_own_is_verified(question: str, right: str, swapped: str) -> None:
    assert check(question, right, MORE).supported
    assert not check(question, swapped, MORE).supported


def test_a_quote_is_the_stored_text_at_its_span() -> None:
    checked = check("What is the deposit?", "The deposit is 1,700 euros [1].", FILES)
    (citation,) = checked.citations
    assert citation.quote == LEASE[citation.start - 100 : citation.end - 100]
    assert "1,700" in citation.quote and citation.path == "/docs/lease.md"
    assert checked.text == "The deposit is 1,700 euros [1]."


def test_support_is_found_when_the_model_cites_nothing_or_the_wrong_passage() -> None:
    for written in ("Bob Lind opens the greenhouse.", "Bob Lind opens the greenhouse [1]."):
        checked = check("Who opens the greenhouse?", written, FILES)
        assert [c.path for c in checked.citations] == ["/docs/garden.md"]


def test_markers_that_point_nowhere_are_dropped() -> None:
    checked = check("How much is the rent?", "The rent is 850 euros [7].", FILES)
    assert checked.text == "The rent is 850 euros [1]."
    assert [c.path for c in checked.citations] == ["/docs/lease.md"]


def test_an_unsupported_sentence_is_marked_not_hidden() -> None:
    checked = check(
        "How much is the rent?", "The rent is 850 euros [1]. It rises by 9 percent each year [1].", FILES
    )
    assert [s.supported for s in checked.sentences] == [True, False]
    assert "9 percent" in checked.text
    assert [c.verified for c in checked.citations] == [True, False]


def test_a_marker_after_the_full_stop_belongs_to_its_sentence() -> None:
    checked = check(
        "How much is the rent?", "The rent is 850 euros. [1] The deposit was 1,700 euros. [1]", FILES
    )
    assert [s.citations for s in checked.sentences] == [(1,), (2,)]


def test_an_answer_without_content_is_not_supported() -> None:
    for written in ("", "Yes.", "[1]", "...", "\n\n"):
        assert not check("Is it?", written, FILES).supported


def test_at_most_two_citations_a_sentence() -> None:
    checked = check("What colour is the moon?", "It is green cheese and lavender [1][2][3].", FILES)
    assert len(checked.sentences[0].citations) == 2
