"""Rules of what is left out: .gitignore, .nocturneignore, and patterns kept with a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts import FolderRules
from engine.library import scan as module
from engine.library.rules import is_pattern
from engine.library.scan import is_noise, scan

if TYPE_CHECKING:
    from tests.engine.library.conftest import Library


def _write(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _left_out(folder: Path, rules: FolderRules | None = None, *more: Path) -> dict[str, str]:
    """What is ignored below `folder`, and by which rule."""
    found = scan([folder, *more], Path("/nowhere"), rules={str(folder): rules} if rules else None)
    return {
        str(Path(path).relative_to(folder)): entry.detail
        for path, entry in found.entries.items()
        if entry.reason == "ignored"
    }


def test_gitignore_files_count_at_every_depth(tmp_path: Path) -> None:
    _write(
        tmp_path,
        **{
            ".gitignore": "*.log\n!keep.log\ndrafts/\n/top.md\n",
            "a.log": "", "keep.log": "", "drafts/x.md": "", "sub/drafts/y.md": "", "top.md": "",
            "sub/top.md": "", "sub/.gitignore": "!b.log\nprivate.md\n", "sub/b.log": "", "sub/c.log": "",
            "sub/private.md": "", "private.md": "",
        },
    )  # fmt: skip
    assert _left_out(tmp_path) == {
        "a.log": ".gitignore: *.log",
        "drafts": ".gitignore: drafts/",
        "top.md": ".gitignore: /top.md",
        "sub/drafts": ".gitignore: drafts/",
        "sub/c.log": ".gitignore: *.log",
        "sub/private.md": "sub/.gitignore: private.md",
    }


def test_notes_that_git_ignores_can_be_found_all_the_same(tmp_path: Path) -> None:
    _write(tmp_path, **{".gitignore": "notes/\n", "notes/a.md": "", "b.log": "", ".nocturneignore": "*.log"})
    assert set(_left_out(tmp_path)) == {"notes", "b.log"}
    assert set(_left_out(tmp_path, FolderRules(gitignore=False))) == {"b.log"}


def test_ours_win_over_git_and_the_folders_over_ours(tmp_path: Path) -> None:
    _write(
        tmp_path,
        **{
            ".gitignore": "notes/\n", "notes/a.md": "", "notes/.gitignore": "a.md\n",
            ".nocturneignore": "!notes/\n!a.md\n*.txt\n", "b.txt": "", "c.txt": "",
        },
    )  # fmt: skip
    assert _left_out(tmp_path) == {"b.txt": ".nocturneignore: *.txt", "c.txt": ".nocturneignore: *.txt"}
    assert _left_out(tmp_path, FolderRules(("!b.txt", "a.md"))) == {
        "c.txt": ".nocturneignore: *.txt",
        "notes/a.md": "this folder's rule: a.md",
    }


def test_a_rule_takes_in_what_is_left_out_by_default_but_never_secrets(tmp_path: Path) -> None:
    _write(tmp_path, **{".vault/a.md": "", ".ssh/id_rsa": "", ".env": "", "node_modules/x.js": ""})
    assert _left_out(tmp_path) == {".vault": "default: hidden", "node_modules": "default: node_modules"}
    found = scan([tmp_path], Path("/nowhere"), rules={str(tmp_path): FolderRules(("!.*", "!*/"))})
    assert {str(Path(p).relative_to(tmp_path)): e.reason for p, e in found.entries.items()} == {
        ".vault/a.md": "", "node_modules/x.js": "", ".ssh": "secret", ".env": "secret",
    }  # fmt: skip


def test_a_change_of_what_is_indexed_is_no_noise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(
        tmp_path,
        **{
            "a.md": "", ".todo.md": "", "venv": "a file", "~$a.docx": "", "sub/b.part": "",
            ".git/index": "", "node_modules/x.js": "", ".cache/.notes/c.md": "",
            ".gitignore": "!.vscode/", ".vscode/tasks.json": "", "sub/.vscode/.deep/tasks.json": "",
            "sub/.nocturneignore": "!.notes/", "sub/.notes/c.md": "", ".notes/c.md": "",
        },
    )  # fmt: skip

    def heard(chosen: FolderRules) -> set[str]:
        files = {str(path) for path in tmp_path.rglob("*") if path.is_file()}
        heard = {path for path in files if not is_noise(path, str(tmp_path), chosen)}
        assert heard == _indexed(chosen), chosen
        return {str(Path(path).relative_to(tmp_path)) for path in heard}

    def _indexed(chosen: FolderRules) -> set[str]:
        found = scan([tmp_path], Path("/nowhere"), rules={str(tmp_path): chosen})
        return {path for path, entry in found.entries.items() if not entry.reason}

    usual = {
        "a.md", ".todo.md", "venv", ".gitignore", "sub/.nocturneignore", "sub/.notes/c.md",
    }  # fmt: skip
    vscode = {".vscode/tasks.json", "sub/.vscode/.deep/tasks.json"}
    assert heard(FolderRules()) == usual | vscode
    assert heard(FolderRules(gitignore=False)) == usual
    assert heard(FolderRules(("!/.notes/", ".vscode/"))) == usual | {".notes/c.md"}
    (tmp_path / "sub" / ".nocturneignore").write_text("# no rule")
    assert heard(FolderRules()) == (usual | vscode) - {"sub/.notes/c.md"}
    with monkeypatch.context() as patch:  # git writes thousands of files: rules are read once
        patch.setattr(Path, "read_text", None)
        assert is_noise(str(tmp_path / ".git" / "objects" / "x"), str(tmp_path), FolderRules())


def test_what_was_added_by_itself_is_never_left_out_and_has_its_own_rules(tmp_path: Path) -> None:
    _write(tmp_path, **{".gitignore": "drafts/\n*.log\n*.tex", "drafts/a.md": "", "drafts/b.tex": ""})
    _write(tmp_path, **{"c.log": "", "d.log": ""})
    added = (tmp_path / "drafts", tmp_path / "c.log")
    assert set(_left_out(tmp_path, None, *added)) == {"d.log"}


@pytest.mark.parametrize("line", ["", "   ", "# words", "!", "/"])
def test_a_line_that_says_nothing_switches_off_no_other(tmp_path: Path, line: str) -> None:
    assert not is_pattern(line)
    _write(tmp_path, **{".gitignore": f"{line}\n*.log\n", "a.log": "", "b.md": ""})
    assert _left_out(tmp_path) == {"a.log": ".gitignore: *.log"}


def test_a_file_of_rules_that_cannot_be_read_is_no_rule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(tmp_path, **{"a.md": "", "rules": "*.md"})
    (tmp_path / ".gitignore").symlink_to(tmp_path / "rules")
    (tmp_path / ".nocturneignore").mkdir()
    assert _left_out(tmp_path) == {".nocturneignore": "default: hidden"}
    (tmp_path / ".gitignore").unlink()
    (tmp_path / ".gitignore").write_bytes(b"\xff\xfe*.md\n*.md\n")
    assert set(_left_out(tmp_path)) == {".nocturneignore", "a.md"}
    # One that lies in the cloud would be fetched by opening it.
    monkeypatch.setattr(module, "_is_in_cloud", lambda status: True)
    monkeypatch.setattr(Path, "read_text", None)
    assert set(_left_out(tmp_path)) == {".nocturneignore"}


def test_the_index_follows_a_rule_and_its_end(library: Library) -> None:
    path = library.put("diary/a.md", "the peculiarword")
    library.put("b.log", "another peculiarword")
    library.index()
    chosen: dict[str, Any] = {"rules": {str(library.folder): FolderRules(("diary/", "*.log"))}}
    summary = library.index(**chosen)
    assert (summary.files, summary.indexed, summary.skipped) == (2, 0, 2)
    assert library.states() == {"diary": ("skipped", "ignored"), "b.log": ("skipped", "ignored")}
    assert not library.on_disk("peculiarword")
    assert [problem.detail for problem in summary.problems] == [
        "this folder's rule: *.log", "this folder's rule: diary/",
    ]  # fmt: skip
    library.index()
    assert library.states() == {"b.log": ("meaning", ""), "diary/a.md": ("meaning", "")}
    assert library.found("peculiarword") and path.exists()


def test_what_is_forgotten_is_left_out_unless_added_by_itself(tmp_path: Path) -> None:
    _write(tmp_path, **{"a.md": "", "b.md": "", "sub/c.md": "", "sub/deep/d.md": ""})
    gone = [module.path_hash(str(tmp_path / name)) for name in ("a.md", "sub")]

    def reasons(*roots: Path) -> dict[str, str]:
        found = scan(roots, Path("/nowhere"), forgotten=gone)
        return {str(Path(path).relative_to(tmp_path)): entry.reason for path, entry in found.entries.items()}

    assert reasons(tmp_path) == {"a.md": "forgotten", "b.md": "", "sub": "forgotten"}
    assert reasons(tmp_path / "sub") == {"sub/c.md": "", "sub/deep/d.md": ""}
    assert reasons(tmp_path, tmp_path / "a.md")["a.md"] == ""


def test_a_forgotten_file_that_is_wanted_again_is_read(library: Library) -> None:
    path = library.put("a.md", "the peculiarword")
    library.index(forgotten=[module.path_hash(str(path))])
    assert library.states() == {"a.md": ("skipped", "forgotten")} and not library.on_disk("peculiarword")
    library.index()
    assert library.states() == {"a.md": ("meaning", "")}
