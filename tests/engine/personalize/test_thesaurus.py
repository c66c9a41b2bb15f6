"""Other words for a file's words, from the embedded sentence model."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from engine.errors import Cancelled
from engine.models.fake import FakeEmbedder
from engine.models.load import load_embedder
from engine.paths import Home
from engine.personalize.compose import asking
from engine.personalize.compose.thesaurus import MOST, Thesaurus, vocabulary
from tests.engine.personalize.conftest import Free


@pytest.fixture(scope="module")
def thesaurus(models_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Thesaurus:
    return Thesaurus.build(load_embedder(models_home), tmp_path_factory.mktemp("words"), Free())


@pytest.mark.real
@pytest.mark.parametrize(
    ("word", "other"),
    [
        ("bicycle", "bike"),
        ("renting", "apartment"),
        ("cello", "violin"),
        ("hotel", "lodging"),
    ],
)
def test_kin_are_found_that_nobody_wrote_down(thesaurus: Thesaurus, word: str, other: str) -> None:
    found = thesaurus.others(word)
    assert other in {text[: len(other)] for text in found} and word not in found
    assert len(found) <= MOST + len(asking.other_words(word))


@pytest.mark.real
@pytest.mark.parametrize("word", ["the", "them", "Chandler", "treacle", "5W-30"])
def test_function_words_names_and_what_the_model_cuts_have_none(thesaurus: Thesaurus, word: str) -> None:
    assert thesaurus.others(word) == ()


@pytest.mark.real
def test_words_written_by_hand_come_first(thesaurus: Thesaurus) -> None:
    by_hand = asking.other_words("rent")
    assert by_hand and thesaurus.others("rent")[: len(by_hand)] == by_hand
    asked = "What is the hotel by the river?"
    found = set(asking.reworded(asked, random.Random(1), 6, thesaurus.others))
    assert len(found) == 6 and asked not in found and all("the" in text.split() for text in found)


def test_vectors_are_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = FakeEmbedder()
    first = Thesaurus.build(embedder, tmp_path, Free())
    (file,) = tmp_path.iterdir()
    monkeypatch.setattr(embedder, "embed", lambda _texts: pytest.fail("embedded again"))
    again = Thesaurus.build(embedder, tmp_path, Free())
    assert embedder.id in file.name and len(vocabulary()) > 10_000
    assert again.others("river") == first.others("river")


def test_a_cancelled_build_leaves_nothing_half(tmp_path: Path) -> None:
    class Cancelling:
        def check(self) -> None:
            raise Cancelled

    with pytest.raises(Cancelled):
        Thesaurus.build(FakeEmbedder(), tmp_path, Cancelling())
    assert list(tmp_path.iterdir()) == []
