"""What is installed, frozen and promised in the documents is what the code holds and needs."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from engine.cli import build_parser
from engine.documents import formats
from engine.models import catalog

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
README = (ROOT / "README.md").read_text()
DOCUMENTS = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "packaging/README.md",
    "docs/lab-log.md",
]
OURS = ("engine", "desktop", "resources")
CODE = {".py", ".pyc"}
# A package whose only user is one of our dependencies' public interface.
BROUGHT_BY = {"shiboken6": "pyside6-essentials"}


def _name(requirement: str) -> str:
    return re.split(r"[\s<>=!~;\[]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def _declared(*extras: str) -> set[str]:
    optional = PROJECT["project"]["optional-dependencies"]
    lines = [*PROJECT["project"]["dependencies"], *(line for extra in extras for line in optional[extra])]
    return {_name(line) for line in lines}


def _imported() -> dict[str, str]:
    """Distribution of each third-party module our code imports -> a file that does."""
    known = packages_distributions()
    found: dict[str, str] = {}
    for path in (path for top in OURS for path in (ROOT / top).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "find_spec":
                names = [str(ast.literal_eval(node.args[0]))]  # found, but not imported
            for top in {name.partition(".")[0] for name in names} - set(OURS) - sys.stdlib_module_names:
                distribution = known.get(top, [top])[0].lower().replace("_", "-")
                found.setdefault(BROUGHT_BY.get(distribution, distribution), str(path.relative_to(ROOT)))
    return found


def _script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "packaging" / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_everything_we_import_is_declared() -> None:
    declared = _declared("personalize", "ocr")
    assert {name: file for name, file in _imported().items() if name not in declared} == {}


def test_everything_declared_is_imported() -> None:
    assert _declared() - set(_imported()) == set()


def test_every_package_and_resource_is_installed() -> None:
    found = PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]
    assert set(found) == {f"{top}*" for top in OURS}
    patterns = PROJECT["tool"]["setuptools"]["package-data"]
    for top in OURS:
        installed = {path for one in patterns.get(top, ()) for path in (ROOT / top).glob(one)}
        data = {path for path in (ROOT / top).rglob("*") if path.is_file() and path.suffix not in CODE}
        assert data - installed == set()
    ignored = [line.lstrip("*") for line in (ROOT / ".gitignore").read_text().splitlines() if line[:1] == "*"]
    kept_out = [path for path in (ROOT / "resources").rglob("*") if path.suffix in ignored and path.is_file()]
    assert kept_out == []


def test_resources_named_in_the_code_exist() -> None:
    texts = [path.read_text() for top in OURS for path in (ROOT / top).rglob("*.py")]
    named = {name for text in texts for name in re.findall(r'\bresource\("([^"{]+)"\)', text)}
    assert named
    assert [name for name in named if not (ROOT / "resources" / name).exists()] == []


def test_every_model_has_a_licence_notice() -> None:
    notices = " ".join(path.read_text() for path in (ROOT / "resources" / "licences").glob("NOTICE-*"))
    missing = [card.id for card in catalog.cards() if card.wheel and _name(card.package) not in notices]
    assert missing == []


def test_packaging_hides_no_package_of_that_name() -> None:
    assert not (ROOT / "packaging" / "__init__.py").exists()


def test_the_smoke_test_starts_every_role_and_every_format(tmp_path: Path) -> None:
    smoke = _script("smoke")
    main = ast.parse((ROOT / "engine/workers/main.py").read_text())
    load_role = next(n for n in ast.walk(main) if isinstance(n, ast.FunctionDef) and n.name == "load_role")
    compared = {
        node.comparators[0].value
        for node in ast.walk(load_role)
        if isinstance(node, ast.Compare) and isinstance(node.comparators[0], ast.Constant)
    }
    assert set(smoke.ROLES) == compared
    samples = smoke.write_samples(tmp_path / "samples")
    read = {found.name for name in samples if (found := formats.by_extension(Path(name)))}
    assert read == {format.name for format in formats.FORMATS} - {"data", "outlook", "picture"}
    # No library writes .msg, and recognising text is not part of the folder.


# ---- the documents -----------------------------------------------------------------------------


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_named_in_the_documents_exist(document: str) -> None:
    path = ROOT / document
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", path.read_text())
    assert [name for name in targets if not (path.parent / name).exists()] == []
    # In code: `engine/net.py`, `packaging/`; what a command of its own writes has no such form.
    quoted = re.findall(rf"`((?:{'|'.join(OURS)}|tests|packaging|docs|\.ci)/[\w./-]*)`", path.read_text())
    assert [name for name in quoted if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("document", [*DOCUMENTS, "pyproject.toml", ".ci/run"])
def test_no_registry_is_named(document: str) -> None:
    named = r"p[y]pi[.]org|p[y]thonhosted|download[.]pyt[o]rch|index-url|huggingf[a]ce[.]co"
    assert not re.search(named, (ROOT / document).read_text())


def test_readme_lists_the_commands_and_options_there_are() -> None:
    rows = re.findall(r"^\| `nocturne ?([^`]*)` \|", README, re.MULTILINE)
    listed = {row.partition(" ")[0]: set(re.findall(r"--[a-z-]+", row)) for row in rows}
    verbs = next(action for action in build_parser()._actions if action.dest == "verb").choices
    assert verbs is not None
    assert set(listed) - {""} == set(verbs)
    everywhere = {"--help", "--home", "--json"}
    for verb, options in listed.items():
        if verb:
            known = {word for action in verbs[verb]._actions for word in action.option_strings}
            # `folders set --learn` stands in the second column.
            assert options <= known, verb
            assert {word for word in known if word.startswith("--")} - everywhere - {"--learn"} <= options, (
                verb
            )


def test_readme_gives_both_commands_and_what_ci_runs() -> None:
    install = "python3 -m venv .venv && .venv/bin/pip install"
    assert f"{install} '.[starter]' && .venv/bin/nocturne try\n" in README
    assert f"{install} '.[starter,personalize,ocr,dev]' && .venv/bin/python -m pytest\n" in README
    assert "'.[starter,personalize,ocr,dev]'" in (ROOT / ".ci" / "run").read_text()
    assert set(PROJECT["project"]["optional-dependencies"]) == {"starter", "personalize", "ocr", "dev"}
    pinned = next(
        line for line in PROJECT["project"]["optional-dependencies"]["personalize"] if "torch" in line
    )
    assert f"pip install {pinned.partition(';')[0].strip()}`" in README
