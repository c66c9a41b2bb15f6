"""The table of formats agrees with itself and with what reading yields."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from engine.documents import formats
from engine.documents.reader import read


def test_each_extension_belongs_to_one_format() -> None:
    claimed = [extension for format in formats.FORMATS for extension in format.extensions]
    assert len(claimed) == len(set(claimed))
    assert not set(claimed) & (formats.UNSUPPORTED | formats.BINARY)
    assert not formats.UNSUPPORTED & formats.BINARY
    assert set(claimed) | formats.UNSUPPORTED | formats.BINARY == set(formats.KINDS)


def test_each_format_has_one_reader_function() -> None:
    for format in formats.FORMATS:
        assert (format.read_text is None) != (format.read_file is None)


def test_the_reader_foretold_is_the_reader_used(tmp_path: Path) -> None:
    for format in formats.FORMATS:
        if format.read_text is None:
            continue
        for extension in format.extensions:
            path = tmp_path / f"a.{extension}"
            path.write_text("some words\n")
            assert read(path).reader == formats.current_reader(path) == format.reader
            assert formats.KINDS[extension] == format.kind


def test_readers_of_other_versions_are_not_current() -> None:
    assert formats.is_current("pdf@3")
    assert not formats.is_current("pdf@2") and not formats.is_current("pdf@0")
    assert formats.current_reader(Path("a.xyz")) is None
    assert formats.current_reader(Path("A.PDF")) == "pdf@3"


def test_importing_loads_no_library() -> None:
    """The window's process imports the table; only reading may cost memory and time."""
    heavy = (
        "lxml pypdfium2 pypdf markdown_it charset_normalizer pygments python_calamine olefile striprtf email"
    ).split()
    program = (
        "import sys, engine.documents.reader, engine.documents.passages; "
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
