"""The line that answers: what is seen of lines, which is best, how sure that is, and what of it is shown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.answer import kinds, lookup
from engine.answer.calibration import UNMEASURED, stored
from engine.answer.terms import keys
from engine.contracts import Passage
from engine.models.embedder import Embedder
from engine.models.fake import FakeEmbedder
from engine.models.load import load_embedder
from engine.models.onnx_embedder import KEPT_TOKENS, OnnxEmbedder
from engine.paths import Home
from tests.engine.answer.test_pipeline import GARDEN, LEASE, found

COTTAGE = "door code: 4711\nmeter: 83215\nchimney sweep: Runa Farkas, 030-20211\nfront door paint: moss green"


def best(question: str, *texts: str, embedder: Embedder | None = None) -> lookup.Found:
    reader = embedder or FakeEmbedder()
    answer = lookup.find(question, found(*texts).results, reader, stored(reader.id))
    assert answer is not None
    return answer


@pytest.mark.parametrize(
    ("question", "line"),
    [
        ("Who repairs the pump?", "Pawel Nowak repairs the pump before 20 September;"),
        ("What is the rent a month?", "The rent is 940 euros a month."),
        ("Until when does the lease run?", "The lease runs until 31 May 2028."),
    ],
)
def test_the_line_that_holds_what_is_asked_is_the_best(question: str, line: str) -> None:
    answer = best(question, LEASE, GARDEN)
    assert answer.line.text.startswith(line) and answer.sure > UNMEASURED.least


@pytest.mark.parametrize(
    "question", ["Which planet is largest?", "What did Vera Orlova repair?", "Who wrote to the tax office?"]
)
def test_where_no_line_says_it_none_is_sure(question: str) -> None:
    assert best(question, GARDEN, LEASE).sure < UNMEASURED.least


def test_without_text_there_is_no_line() -> None:
    assert lookup.find("Who?", (), FakeEmbedder(), UNMEASURED) is None
    assert lookup.find("Who?", found("").results, FakeEmbedder(), UNMEASURED) is None
    assert lookup.find("???", found("  \n ", "x").results, FakeEmbedder(), UNMEASURED) is not None


def test_no_more_lines_are_read_than_set() -> None:
    read: list[int] = []

    class Counting(FakeEmbedder):
        def embed_tokens(self, texts):
            read.append(len(texts))
            return super().embed_tokens(texts)

    many = "\n".join(f"Gate {number} is painted green." for number in range(200))
    lookup.lines("Which colour has gate 30?", found(many, GARDEN).results, Counting())
    assert read == [1 + lookup.READ]


def test_features_are_named_and_between_0_and_1() -> None:
    for question in ("Who repairs the pump?", "???", "Vera Orlova", "How much is 940?"):
        for line in lookup.lines(question, found(GARDEN, LEASE).results, FakeEmbedder()):
            assert set(line.features) == set(lookup.FEATURES) | set(lookup.SURENESS)
            assert all(-1e-6 <= value <= 1 + 1e-6 for value in line.features.values())
            assert line.text == line.passage.text[line.start : line.end]


def test_a_name_counts_most_in_the_line_then_in_its_passage() -> None:
    text = "Edda Arno moved to Eskeby.\nThe rent there is 300 crowns."
    here, beside = (
        next(
            one
            for one in lookup.lines("What rent does Edda Arno pay?", found(text).results, FakeEmbedder())
            if word in one.text
        ).features
        for word in ("moved", "rent")
    )
    assert (here["named"], here["beside"]) == (1.0, 1.0) and (beside["named"], beside["beside"]) == (0.0, 1.0)
    (titled,) = found("The rent there is 300 crowns.").results
    titled = replace(titled, path="/letters/Edda Arno.txt")
    (line,) = lookup.lines("What rent does Edda Arno pay?", [titled], FakeEmbedder())
    assert line.features["named"] == 1.0


@pytest.mark.real
def test_words_that_mean_alike_meet(models_home: Home) -> None:
    embedder = load_embedder(models_home)
    for question, line in (
        ("Which tradesman cleans the flue?", "chimney sweep: Runa Farkas, 030-20211"),
        ("How is the way in coloured?", "front door paint: moss green"),
        ("What opens the entrance?", "door code: 4711"),
    ):
        assert best(question, COTTAGE, LEASE, embedder=embedder).line.text == line


@pytest.mark.real
def test_tokens_stand_where_they_say(models_home: Home) -> None:
    embedder = load_embedder(models_home)
    texts = ["Der Kamin heißt Ünal: 030-20211.", "", "word " * 400]
    some, none, cut = embedder.embed_tokens(texts)
    assert len(some.vectors) == len(some.spans) > 5 and len(none.vectors) == 0 == len(none.spans)
    assert "".join(texts[0][a:b] for a, b in some.spans) == texts[0].replace(" ", "")
    assert len(cut.spans) == embedder.window - 2 and cut.vectors.shape == (
        len(cut.spans),
        embedder.dimensions,
    )
    assert abs((some.vectors**2).sum(axis=1) - 1).max() < 1e-4
    # Whatever shares its run, a token is read in its own text.
    (alone,) = load_embedder(models_home).embed_tokens(texts[:1])
    assert (alone.vectors * some.vectors).sum(axis=1).min() > 0.99


@pytest.mark.real
def test_texts_read_last_are_kept_within_bounds(models_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = load_embedder(models_home)
    assert isinstance(embedder, OnnxEmbedder)
    runs: list[int] = []
    states = embedder._states
    monkeypatch.setattr(embedder, "_states", lambda batch: runs.append(len(batch)) or states(batch))
    first = embedder.embed_tokens(["The rent is 940 euros.", "The deposit is due.", "The rent is 940 euros."])
    assert sum(runs) == 2 and first[0] is first[2]
    again = embedder.embed_tokens(["The deposit is due.", "What is the rent?"])
    assert sum(runs) == 3 and again[0] is first[1]
    for number in range(50):
        embedder.embed_tokens([f"{number} " + "word " * 400])
    kept = sum(len(tokens.spans) for tokens in embedder._kept.values())
    assert KEPT_TOKENS - embedder.window < kept <= KEPT_TOKENS
    embedder.embed_tokens(["The deposit is due."])
    assert sum(runs) == 54


def line_of(text: str, met: tuple[tuple[int, float], ...] = ()) -> lookup.Line:
    passage = Passage(1, "/docs/long.txt", None, "", "Before. " + text, 0, len(text) + 8, 1.0)
    return lookup.Line(passage, 8, 8 + len(text), {}, met)


def test_a_short_line_is_shown_whole_and_a_long_one_where_the_question_met_it() -> None:
    short = line_of("The rent is 940 euros, the deposit 2,000.")
    assert lookup.shown(short) == (short.start, short.end)
    clauses = [f"the hedge number {number} was cut by nobody in particular" for number in range(9)]
    clauses[5] = "the deposit of the flat is 2,000 euros"
    text = ", ".join(clauses)
    long = line_of(text, ((text.index("deposit"), 2.0), (text.index("flat is"), 1.0)))
    start, end = lookup.shown(long)
    said = long.passage.text[start:end]
    assert "the deposit of the flat is 2,000 euros" in said and len(said.split()) <= lookup.SHOWN
    row = "; ".join(f"column {number}: value {number}" for number in range(40))
    start, end = lookup.shown(line_of(row, ((row.index("column 31"), 1.0),)))
    assert "column 31: value 31" in ("Before. " + row)[start:end] and end - start < len(row)


def test_a_long_line_without_clauses_is_cut_between_words() -> None:
    text = " ".join(f"word{number}" for number in range(200))
    start, end = lookup.shown(line_of(text, ((text.index("word150"), 1.0),)))
    said = ("Before. " + text)[start:end]
    assert "word150" in said and len(said.split()) <= lookup.SHOWN


@pytest.mark.parametrize(
    ("question", "kind", "fits", "fails"),
    [
        ("Who repairs the pump?", "person", "Pawel Nowak repairs the pump.", "It is repaired."),
        ("When does it end?", "date", "It ends on 3 May.", "It ends badly."),
        ("At what time do we meet?", "time", "We meet at 19:45.", "We meet in Riga."),
        ("How many seats are there?", "amount", "They have 398 seats.", "They have seats."),
        ("How much is the rent?", "amount", "It is seven crowns.", "It is high."),
        ("What is her phone number?", "code", "phone: 0171-555123", "She has a phone."),
        ("Where is the key?", "place", "It lies behind the Old Foundry.", "The key is old."),
        ("Which colour is it?", "thing", "It is green.", "Which colour?"),
    ],
)
def test_what_is_asked_for_looks_like_it(question: str, kind: str, fits: str, fails: str) -> None:
    assert kinds.asked_kind(question) == kind
    asked = keys(question)
    assert kinds.fit(kind, fits, asked) == 1.0 > kinds.fit(kind, fails, asked)  # type: ignore[arg-type]


def test_what_the_question_says_itself_is_no_answer() -> None:
    assert kinds.fit("person", "Edda Arno pays.", keys("Who is Edda Arno?")) == 0.0
    assert kinds.fit("amount", "It has 398 seats.", keys("How many of the 398 seats are sold?")) == 0.0
    assert kinds.fit("amount", "We open on 3 May.", set()) < 1.0  # a date is no amount
