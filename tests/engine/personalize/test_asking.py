"""Many wordings of one question: what each must keep, and who a pronoun means."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from engine.personalize.compose import asking, grammar, statements
from engine.personalize.compose.subjects import owner, people, spoken_of, told
from engine.personalize.rows import Lesson


def lesson(text: str, title: str = "Note") -> Lesson:
    return Lesson("l", "/f/note.txt", "0" * 64, None, title, "", "text", text, 0, len(text))


def said(text: str, sentence: str, title: str = "Note") -> str:
    first = text.index(sentence)
    return told(lesson(text, title), first, first + len(sentence), title).text


# -- whose sentence ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "sentence", "expected"),
    [
        ("Nora Lind moved. She is 60 now.", "She is 60 now.", "Nora Lind is 60 now."),
        ("Nora Lind moved. Her knee hurts.", "Her knee hurts.", "Nora Lind's knee hurts."),
        (
            "Nora Lind fell. Dr. Ada Holm helps her.",
            "Dr. Ada Holm helps her.",
            "Dr. Ada Holm helps Nora Lind.",
        ),
        ("Ada Holm helps her.", "Ada Holm helps her.", "Ada Holm helps her."),
        ("Nora Lind met Olaf Dahl. He sings.", "He sings.", "He sings."),
        ("Nora Lind fell. Then it rained. She is fine.", "She is fine.", "Nora Lind is fine."),
        ("She is 60 now.", "She is 60 now.", "She is 60 now."),
        (
            "From: Ada Brandt\nSubject: Keys\n\nI moved to Ulvik.",
            "I moved to Ulvik.",
            "Ada Brandt moved to Ulvik.",
        ),
        ("My boat leaks badly.\n\nOlaf", "My boat leaks badly.", "Olaf's boat leaks badly."),
        ("I'm at home today.\n\nOlaf", "I'm at home today.", "Olaf is at home today."),
    ],
)
def test_a_pronoun_is_the_person_named_before(text: str, sentence: str, expected: str) -> None:
    assert said(text, sentence) == expected


def test_an_item_of_a_list_gets_the_subject_of_the_list() -> None:
    assert said("built in 1967", "built in 1967", "The Petrel") == "The Petrel was built in 1967"
    assert said("11 metres long", "11 metres long", "The Petrel") == "The Petrel is 11 metres long"


def test_places_of_the_sentence_are_found_again_behind_the_names() -> None:
    text = "Nora Lind moved. She turned 60 and her flat costs 415 crowns."
    first = text.index("She")
    whole = told(lesson(text), first, len(text), "Note")
    for value in ("60", "415 crowns"):
        at = whole.where(text.index(value) - first)
        assert whole.text[at : at + len(value)] == value


def test_a_file_is_about_the_one_person_its_title_names() -> None:
    assert owner("Letter about Nora Lind") == "Nora Lind"
    assert owner("Nora Lind and Olaf Dahl") == owner("Garden club") == ""
    assert people("Dear Nora, Ada Brandt's shed and Monday") == ["Ada Brandt"]


# -- wordings ----------------------------------------------------------------------------------------


def test_telegrams_keep_the_head_and_whose_it_is() -> None:
    found = list(
        asking.telegrams(("When", "On what day"), ["Nora Lind"], ["moved", "Ulvik"], random.Random(1), 8)
    )
    assert len(found) == len(set(found)) == 8
    assert all("Nora Lind" in text and text.endswith("?") for text in found)
    assert all("when" in text.lower() or "on what day" in text.lower() for text in found)
    assert any("moved" not in text and "Ulvik" in text for text in found)


def test_telegrams_end_where_there_is_nothing_more_to_say() -> None:
    found = list(asking.telegrams(("When",), ["Nora Lind"], [], random.Random(1), 50))
    assert 0 < len(found) == len(set(found)) <= 4


def test_other_words_are_found_however_a_word_is_inflected() -> None:
    assert "relocate" in asking.other_words("moved") and asking.other_words("costs") == asking.other_words(
        "cost"
    )
    assert asking.other_words("Nora") == ()
    question = "When did Nora Lind move to Ulvik?"
    found = list(asking.reworded(question, random.Random(1), 3))
    assert found and question not in found and all("Nora Lind" in text and "Ulvik" in text for text in found)
    assert list(asking.reworded("Who is it?", random.Random(1), 3)) == []


def test_people_go_by_their_first_names_and_titles_are_none() -> None:
    assert asking.shortened("When did Nora Lind move?", ["Nora Lind"]) == "When did Nora move?"
    assert asking.shortened("Whom did Dr Ada Holm see?", ["Dr Ada Holm"]) == "Whom did Dr Ada Holm see?"


# -- questions by rule -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sentence", "value", "kind", "expected"),
    [
        ("Nora Lind turned 60 this year", "60", "age", "How old did Nora Lind turn?"),
        ("Nora Lind moved to Ulvik on 3 May", "Ulvik", "place", "Where did Nora Lind move on 3 May?"),
        ("Nora Lind sings and pays 12 euros", "12 euros", "money", "How much does Nora Lind pay?"),
        ("The boat was built in 1967", "1967", "date", "When was the boat built?"),
        ("The feast is on 3 May in Ulvik", "3 May", "date", "When is the feast?"),
    ],
)
def test_a_question_by_rule(sentence: str, value: str, kind: str, expected: str) -> None:
    at = sentence.index(value)
    assert grammar.question(sentence, at, at + len(value), kind) == expected


def test_every_value_of_a_letter_is_asked_for_by_the_name_of_its_person() -> None:
    letter = lesson(
        "Nora Lind moved to Ulvik on 3 May. The new flat costs 415 crowns. She turned 60.",
        "Letter about Nora Lind",
    )
    rows = statements.rows([letter])
    for value in ("Ulvik", "3 May", "415 crowns", "60"):
        asked = [row.user for row in rows if value in row.answer and row.gold != "Nora Lind"]
        assert len(asked) >= 7 and all("Nora" in user or "Lind" in user for user in asked), (value, asked)


def test_people_put_words_together_that_stand_together() -> None:
    sentence = "The constable found the bicycle in the canal, behind the mill"
    asked = {
        asking.phrased("Where", ["Oskar"], sentence, random.Random(seed), lambda _word: ())
        for seed in range(60)
    }
    asked.discard("")
    assert len(asked) > 20 and all("Oskar" in text for text in asked)
    assert any("bicycle in the canal" in text for text in asked)
    # What a comma parts is not put together, and a question is not about `the` alone.
    assert not any("canal behind" in text for text in asked)
    assert asking.phrased("Where", [], "It is so, and so on.", random.Random(1), lambda _word: ()) == ""


def test_whoever_a_pronoun_may_mean_can_be_asked_by() -> None:
    text = "I blame Edwin for it, on Monday. Was it April? He is building a boat in the barn."
    first = text.index("He is")
    found = spoken_of(lesson(text, "Letter"), first, len(text), {"Edwin", "Monday", "April"})
    assert found == ["Edwin"]
    assert spoken_of(lesson(text, "Letter"), 0, 10, {"Edwin"}) == []


def test_a_word_in_the_names_of_many_files_is_no_name() -> None:
    letters = [
        replace(
            lesson(f"The rent of the flat is {n}00 crowns.", f"Letter from {name}"), id=name, path=f"/{name}"
        )
        for n, name in enumerate(("Ulvik", "Brekke", "Fornes"), 1)
    ]
    for row in statements.rows(letters):
        assert "Letter" not in row.user.split() or row.kind == "fact"
