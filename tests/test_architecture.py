"""The rules of the house that no linter checks."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(
    path
    for top in ("engine", "desktop", "resources", "tests", "packaging")
    for path in (ROOT / top).rglob("*.py")
)
OURS = [path for path in SOURCES if path.relative_to(ROOT).parts[0] in {"engine", "desktop"}]
HEAVY = {
    "PySide6", "apsw", "docx", "httpx", "llama_cpp", "lxml", "markdown_it", "mlx", "msgspec", "numpy",
    "olefile", "onnxruntime", "pathspec", "peft", "psutil", "pypdf", "pypdfium2", "python_calamine",
    "sqlite_vec", "striprtf", "tokenizers", "torch", "transformers", "watchdog",
}  # fmt: skip


def test_no_file_is_longer_than_500_lines() -> None:
    long = {str(path): count for path in SOURCES if (count := len(path.read_text().splitlines())) > 500}
    assert not long


def test_every_module_says_its_job() -> None:
    silent = [str(p) for p in OURS if p.read_text().strip() and not p.read_text().lstrip().startswith('"""')]
    assert not silent


def test_no_room_for_odds_and_ends() -> None:
    assert not [p for p in SOURCES if re.search(r"utils?|common|manager|helpers?", p.stem)]


def test_architecture_names_every_module() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    modules = [p.relative_to(ROOT).as_posix() for p in OURS if p.name != "__init__.py"]
    assert [name for name in modules if f"`{name}`" not in text] == []
    named = re.findall(r"`((?:engine|desktop)/[\w/]+\.py)`", text)
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("code", ["import engine", "import engine.api", "import desktop"])
def test_importing_loads_nothing_heavy(code: str) -> None:
    assert _loaded(code) == set()


def test_help_loads_nothing_heavy() -> None:
    code = "from engine.cli import main; assert main(['--help']) == 0"
    assert _loaded(code) == set()


def _loaded(code: str) -> set[str]:
    """Heavy packages in memory after running `code` in a fresh interpreter."""
    code += "\nimport sys; print('\\n' + ' '.join({name.partition('.')[0] for name in sys.modules}))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return HEAVY & set(ran.stdout.splitlines()[-1].split())


def test_the_wheel_would_hold_every_package() -> None:
    """Each folder with Python files is a package, so that a build finds it."""
    folders = {path.parent for path in OURS}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").exists()] == []
