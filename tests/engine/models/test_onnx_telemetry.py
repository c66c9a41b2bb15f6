"""ONNX Runtime 1.32 reports its use to its maker unless it is told not to before it is loaded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.documents import ocr

EMBED = """
from pathlib import Path
from engine.models.load import load_embedder
from engine.paths import find_home
load_embedder(find_home(None)).embed(["A few words."])
"""
RECOGNISE = """
import numpy
from engine.documents import ocr
ocr._recogniser()(numpy.zeros((64, 64, 3), dtype=numpy.uint8))
"""
recogniser = pytest.mark.skipif(not ocr.is_installed(), reason="the extra `ocr` is not installed")


@pytest.mark.process
@pytest.mark.parametrize("program", [EMBED, pytest.param(RECOGNISE, marks=recogniser)])
def test_nothing_is_kept_for_the_maker_of_the_runtime(tmp_path: Path, program: str) -> None:
    """What it would send waits in a data base with a number of this computer, below the user's folders."""
    left = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    user = {name: str(tmp_path) for name in ("HOME", "USERPROFILE", "LOCALAPPDATA", "XDG_CACHE_HOME")}
    subprocess.run([sys.executable, "-c", program], env={**left, **user}, check=True, timeout=120)
    assert [
        path for path in tmp_path.rglob("*") if "onnxruntime" in path.name or path.name == "deviceid"
    ] == []
