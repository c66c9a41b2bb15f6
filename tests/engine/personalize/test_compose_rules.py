"""Rows that rules write: whose value, asked how, and never a value the file does not hold."""

from __future__ import annotations

import re

import pytest

from engine.answer.terms import fold
from engine.personalize.compose import grammar, spans, statements, structure
from engine.personalize.compose.compose import unambiguous
from engine.personalize.rows import Lesson, Row


def lesson(text: str, title: str = "", name: str = "note.md", kind: str = "markdown") -> Lesson:
    identity, path = f"{name}-{title}", f"/files/{name}"
    return Lesson(identity, path, "0" * 64, None, title, "", kind, text, 100, 100 + len(text))


def structure_rows(*lessons: Lesson) -> list[Row]:
    return structure.rows(structure.facts(lessons))


def answers(rows: list[Row], question: str) -> set[str]:
    return {row.answer for row in rows if row.user == question}


CONTACTS = lesson(
    "name: Marek Ilves; role: landlord; phone: 555-0131\nname: Ada Brandt; role: dentist; phone: 555-0164",
    name="contacts.csv",
    kind="table",
)
CABIN = lesson(
    "---\ntitle: Cabin\nowner: Hanna Berg\n---\n# Cabin\n**Key box:** 4417\n\n"
    "The boat leaves at 9:40 from pier 3. Olaf Dahl repairs the roof before 20 September; the tiles cost 68 "
    "euros.",
    title="Cabin",
)
MAIL = lesson(
    "From: Ada Brandt <ada@x.example>\nTo: Nora Lind\nDate: 3 May 2026\nSubject: Re: Check-up\n\n"
    "I moved it to Friday.",
    name="mail.txt",
    kind="text",
)
CAKE = lesson("# Plum cake\n\n- 200 g flour, sifted\n- 3 eggs\n", title="Plum cake")
LOG = lesson("Bicycle log\n\n12 March 2026: new chain, 89 euros.", title="Bicycle log", kind="text")
BARS = lesson(
    "# Trip\n\n| Item | Euros |\n|---|---|\n| Train | 318 |\n| Room | 455 |\n\nThe code is LX7Q2M.",
    title="Trip",
)
ALL = [CONTACTS, CABIN, MAIL, CAKE, LOG, BARS]


@pytest.mark.parametrize(
    ("of", "question", "answer"),
    [
        (CONTACTS, "What is the telephone number of Marek Ilves?", "555-0131"),
        (CONTACTS, "How can I reach Ada Brandt (contacts) by phone?", "555-0164"),
        (CONTACTS, "Whose phone number is 555-0131?", "Marek Ilves"),
        (CABIN, "Who looks after Cabin?", "Hanna Berg"),
        (CABIN, "What is the key box of Cabin?", "4417"),
        (MAIL, 'Who wrote the mail "Check-up"?', "Ada Brandt"),
        (MAIL, "What is the email address of Ada Brandt?", "ada@x.example"),
        (CAKE, "How much flour is needed for Plum cake?", "200 g"),
        (CAKE, "How many eggs are needed for Plum cake?", "3"),
        (LOG, "What happened on 12 March 2026 according to Bicycle log?", "new chain"),
        (BARS, "How much does Train cost?", "318"),
    ],
)
def test_structure_is_asked_about_in_everyday_words(of: Lesson, question: str, answer: str) -> None:
    assert answers(structure_rows(of), question) == {answer}


def test_every_fact_has_at_least_four_wordings() -> None:
    for group in {row.group for row in structure_rows(*ALL)}:
        asked = {row.user for row in structure_rows(*ALL) if row.group == group and row.kind == "fact"}
        assert len(asked) >= 4, asked


def test_no_row_holds_what_its_lesson_does_not() -> None:
    """The answer is the lesson's text at the row's span; the span counts in the whole document."""
    texts = {found.id: found for found in ALL}
    rows = [*structure_rows(*ALL), *statements.rows(ALL)]
    assert {row.kind for row in rows} == {"fact", "reverse", "cloze"}
    for row in rows:
        found = texts[row.lesson]
        there = found.text[row.start - found.start : row.end - found.start].replace("\n", " ")
        assert there == (row.gold or row.answer) and there in row.answer
        assert row.answer in found.text.replace("\n", " ") and row.path == found.path


def test_a_value_two_people_share_is_not_asked_in_reverse() -> None:
    shared = lesson(
        "name: Ada; room: B12\nname: Bea; room: B12\nname: Cleo; room: C40", name="rooms.csv", kind="table"
    )
    reverse = {row.user for row in structure_rows(shared) if row.kind == "reverse"}
    assert reverse and not any("B12" in user for user in reverse)


def test_a_name_in_two_files_is_always_asked_with_its_file() -> None:
    one = lesson("name: Ada; phone: 111-2222\nname: Bo; phone: 111-3333", name="choir.csv", kind="table")
    two = lesson("name: Ada; phone: 444-5555\nname: Cy; phone: 444-6666", name="work.csv", kind="table")
    rows = [row for row in structure_rows(one, two) if row.kind == "fact" and "Ada" in row.user]
    assert rows and all("(choir)" in row.user or "(work)" in row.user for row in rows)
    assert len(unambiguous(rows)) == len(rows)


def test_a_question_with_two_answers_is_not_asked() -> None:
    twice = lesson("door code: 1111\ndoor code: 2222\nalarm code: 3333", title="House")
    kept = unambiguous(structure_rows(twice))
    assert {row.answer for row in kept if row.kind == "fact"} == {"3333"}


@pytest.mark.parametrize(
    "text", ["", "\n\n", "::::", "| a |", "---\n---", "a: " + "x" * 5000, "|---|\n|", "- 3"]
)
def test_odd_text_yields_nothing_and_does_not_fail(text: str) -> None:
    odd = lesson(text)
    assert structure_rows(odd) == [] and statements.rows([odd]) == []


@pytest.mark.parametrize(
    ("sentence", "span", "kind", "asked"),
    [
        ("The feast is on 3 October 2026, at 16:00 in the glass house.", "3 October 2026", "date",
         "When is the feast?"),
        ("The key to the cellar costs 45 euros if it is lost.", "45 euros", "money",
         "How much does the key to the cellar cost if it is lost?"),
        ("Pawel Nowak repairs it before 20 May; the parts cost 68 euros.", "Pawel Nowak", "name",
         "Who repairs it before 20 May?"),
        ("Pawel Nowak repairs it before 20 May; the parts cost 68 euros.", "20 May", "date",
         "By when does Pawel Nowak repair it?"),
        ("The lease runs until 31 May 2028.", "31 May 2028", "date", "Until when does the lease run?"),
        ("I bought it in April 2021.", "April 2021", "date", "When did I buy it?"),
        ("The feast takes place in the glass house.", "glass house", "noun",
         "Where does the feast take place?"),
        ("We borrowed three ladders from Tom.", "three", "number",
         "How many ladders did we borrow from Tom?"),
        ("The bicycle has frame number KX-48213-B.", "KX-48213-B", "code",
         "What frame number does the bicycle have?"),
        ("Beat butter and sugar.", "sugar", "noun", None),
        ("The tenants are Nora and Tom Okafor.", "Tom Okafor", "name", None),
    ],
)  # fmt: skip
def test_sentences_become_questions(sentence: str, span: str, kind: str, asked: str | None) -> None:
    at = sentence.index(span)
    assert grammar.question(sentence, at, at + len(span), kind) == asked


def test_spans_end_where_values_end() -> None:
    text = (
        "The pane broke on 2 April. Dr Berg sees us on Wednesday, 23 September at 8:15. It was 3 km to town."
    )
    found = {(span.kind, span.value) for span in spans.spans(lesson(text, title="Diary"))}
    assert {("date", "2 April"), ("date", "Wednesday, 23 September"), ("time", "8:15")} <= found
    assert ("number", "3 km") in found and ("number", "8") not in found


def test_a_mail_is_called_by_its_subject() -> None:
    mail = lesson(
        "From: Ada Brandt\nSubject: New keys\n\nThe locksmith Olaf Dahl comes on 4 May.", name="m1.txt"
    )
    asked = [row.user for row in statements.rows([mail])]
    assert not any("m1" in user for user in asked)
    # Who is asked about by name needs no file; what the mail says of nobody does.
    assert any("Olaf" in user and "keys" not in user for user in asked)
    assert any("keys" in user and "Olaf" not in user for user in asked)


def test_every_sentence_is_asked_for_in_many_ways_and_answered_word_for_word() -> None:
    sentence = "Olaf Dahl repairs the roof before 20 September; the tiles cost 68 euros."
    rows = [row for row in statements.rows([CABIN]) if row.answer == sentence]
    assert len({row.group for row in rows}) == 1
    assert len({row.user for row in rows}) == len(rows) == statements.WAYS
    for value, asked in (("20 September", "By when does"), ("68 euros", "How much"), ("Olaf Dahl", "Who ")):
        assert any(row.gold == value and row.user.startswith(asked) for row in rows), value


def test_a_long_sentence_is_answered_in_its_clauses() -> None:
    first = "The kiln in the yard is fired on the first Monday of every month by old Piet Vermeer"
    second = "and whoever wants a pot of theirs in it brings twelve crowns to the blue door before"
    found = {row.answer for row in statements.rows([lesson(f"{first}, {second}.", title="Kiln")])}
    assert found == {f"{first}", f"{second}."}


@pytest.mark.parametrize("word", ["I'm", "I'd", "I’ve", "I'll", "It's", "You'll"])
def test_a_pronoun_run_into_its_verb_is_no_name(word: str) -> None:
    text = f"On Monday {word} sure that the gate stays open. {word} glad about the new gate in May."
    assert not any(word in span.value for span in spans.spans(lesson(text, title="Diary")))


def test_a_question_never_holds_its_answer() -> None:
    for row in [*structure_rows(*ALL), *statements.rows(ALL)]:
        if row.kind in ("fact", "reverse"):
            pattern = rf"(?<!\w){re.escape(fold(row.gold or row.answer))}(?!\w)"
            assert not re.search(pattern, fold(row.user)), row


def test_lines_that_structure_states_are_not_asked_about_again() -> None:
    assert not any("Key box" in row.answer for row in statements.rows([CABIN]))
