"""Files that ship with the program, read through one function."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path


def resource(name: str) -> Path:
    """The real file or folder `name` (for example "prompts/answer.md") of this package.

    Raises FileNotFoundError. The package is always unpacked (a wheel is, a frozen folder is), so the path
    stays valid for the life of the process.
    """
    with as_file(files("resources").joinpath(name)) as path:
        if not path.exists():
            raise FileNotFoundError(name)
        return path
