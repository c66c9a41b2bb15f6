"""What a model file says of itself, also when llama.cpp does not know its kind, or it is no model at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import EngineError
from engine.models import metadata

gguf = pytest.importorskip("gguf")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.gguf"
    writer = gguf.GGUFWriter(path, "something-new")
    writer.add_uint32("a.number", 7)
    writer.add_bool("a.flag", True)
    writer.add_array("a.words", ["one", "two"])
    writer.add_array("some.numbers", [1.5, 2.5, 3.5])
    writer.add_string("the.last", "péché")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return path


def test_a_text_is_found_behind_values_of_every_other_type(model: Path) -> None:
    assert metadata.peek(model, "general.architecture") == "something-new"
    assert metadata.peek(model, "the.last") == "péché"
    assert metadata.peek(model, "not.there") is None and metadata.peek(model, "a.number") is None


@pytest.mark.parametrize("kept", [0, 3, 10, 30, 60, 100, -33])
def test_a_file_cut_short_is_broken(model: Path, kept: int) -> None:
    model.write_bytes(model.read_bytes().rstrip(b"\0")[:kept])
    with pytest.raises(EngineError) as caught:
        metadata.peek(model, "the.last")
    assert caught.value.code == "model_broken"


def test_lengths_that_lie_take_no_memory(model: Path) -> None:
    content = bytearray(model.read_bytes())
    content[24:32] = (2**62).to_bytes(8, "little")  # of the first key
    model.write_bytes(bytes(content))
    with pytest.raises(EngineError) as caught:
        metadata.peek(model, "the.last")
    assert caught.value.code == "model_broken"
