"""What holds for every format alike: sections and passages are exact, and no file is too broken for a reason."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.documents import formats
from engine.documents.passages import cut
from engine.documents.reader import Extract, Unreadable, read, read_all
from engine.errors import REASONS
from tests.engine.documents.made import assert_complete, samples


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return samples(tmp_path_factory.mktemp("samples"))


NAMES = sorted({format.name for format in formats.FORMATS} | {"sheets, old"})


def test_there_is_a_sample_of_each_format(made: dict[str, Path]) -> None:
    assert sorted(made) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_text_sections_and_passages_agree(made: dict[str, Path], name: str) -> None:
    document = read(made[name])
    assert document.reader == f"{name.partition(',')[0]}@{document.reader.partition('@')[2]}"
    assert formats.is_current(document.reader)
    assert "\r" not in document.text
    assert_complete(document)
    spans = cut(
        document, name="a", folder="b", count_tokens=lambda text: len(text.split()), window=16, target=16
    )
    reached = 0
    for span in spans:
        body = document.text[span.start : span.end]
        assert body and body == body.strip()
        assert not document.text[reached : span.start].strip()
        reached = span.end
    assert not document.text[reached:].strip()
    assert all(1 <= section.page <= (document.pages or 0) for section in document.sections if section.page)


def broken(content: bytes, seed: int) -> Iterator[bytes]:
    """Cut off, with a hole, with wrong bytes, with a part twice."""
    chance = random.Random(seed)
    for _ in range(8):
        at, size = chance.randrange(len(content)), chance.randrange(1, 40)
        yield content[:at]
        yield content[:at] + bytes(size) + content[at + size :]
        wrong = bytearray(content)
        for _ in range(size):
            wrong[chance.randrange(len(wrong))] = chance.randrange(256)
        yield bytes(wrong)
        yield content[:at] + content[max(0, at - size) :]


@pytest.mark.parametrize("name", NAMES)
def test_a_broken_file_gives_text_or_a_reason(made: dict[str, Path], name: str, tmp_path: Path) -> None:
    path = tmp_path / made[name].name
    for content in broken(made[name].read_bytes(), seed=NAMES.index(name)):
        path.write_bytes(content)
        for document in read_all(path):
            if isinstance(document.result, Unreadable):
                assert document.result.reason in REASONS
                assert document.result.reason != "unknown", document.result.detail
            else:
                assert_complete(document.result)
        assert path.read_bytes() == content


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_lies_changes_no_reason_into_a_surprise(
    made: dict[str, Path], name: str, tmp_path: Path
) -> None:
    for ending in [*sorted(formats.KINDS)[::40], ""]:
        path = tmp_path / f"a.{ending}"
        path.write_bytes(made[name].read_bytes())
        for document in read_all(path):
            assert isinstance(document.result, Extract) or document.result.reason != "unknown"
