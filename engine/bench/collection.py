"""A retrieval collection in BEIR form: `corpus.jsonl`, `queries.jsonl`, `qrels/test.tsv`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import EngineError

_QRELS = ("test.tsv", "dev.tsv", "train.tsv")


@dataclass(frozen=True)
class Collection:
    """Documents as id -> (title, text), queries as id -> text, judgements as query -> document -> grade."""

    name: str
    documents: dict[str, tuple[str, str]]
    queries: dict[str, str]
    judged: dict[str, dict[str, int]]


def find(folder: Path) -> list[Path]:
    """The collections at or right below `folder`. Raises EngineError("usage") if there is none."""
    found = [place for place in (folder, *sorted(folder.glob("*/"))) if (place / "corpus.jsonl").is_file()]
    if not found:
        raise EngineError("usage", detail=f"{folder} holds no collection in BEIR form (corpus.jsonl).")
    return found


def load(folder: Path) -> Collection:
    """Only queries that are judged. Raises EngineError("usage") naming what cannot be read."""
    documents = {
        str(item["_id"]): (str(item.get("title") or ""), str(item.get("text") or ""))
        for item in _lines(folder / "corpus.jsonl")
    }
    judged: dict[str, dict[str, int]] = {}
    qrels = next((folder / "qrels" / name for name in _QRELS if (folder / "qrels" / name).is_file()), None)
    if qrels is None:
        raise EngineError("usage", detail=f"{folder} has no judgements (qrels/test.tsv).")
    for number, line in enumerate(qrels.read_text(encoding="utf-8").splitlines(), 1):
        parts = line.split("\t")
        if number == 1 and not parts[-1].strip().lstrip("-").isdigit():
            continue  # the names of the columns
        try:
            query, document, grade = parts
            judged.setdefault(query, {})[document] = int(grade)
        except ValueError as error:
            raise EngineError("usage", detail=f"Line {number} of {qrels} is no judgement.") from error
    queries = {str(item["_id"]): str(item["text"]) for item in _lines(folder / "queries.jsonl")}
    return Collection(
        folder.name, documents, {id: text for id, text in queries.items() if id in judged}, judged
    )


def write(collection: Collection, folder: Path) -> dict[Path, str]:
    """One Markdown file for each document, the title as its heading; path -> document id."""
    folder.mkdir(parents=True)
    paths = {}
    for number, (document, (title, text)) in enumerate(collection.documents.items(), 1):
        path = folder / f"d{number:06}.md"  # no word of a query is in this name
        heading = f"# {' '.join(title.split())}\n\n" if title.strip() else ""
        path.write_text(heading + text + "\n", encoding="utf-8")
        paths[path] = document
    return paths


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise EngineError("path_unreadable", path=str(path)) from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                item = json.loads(line)
                item["_id"]
            except (ValueError, KeyError, TypeError) as error:
                raise EngineError("usage", detail=f"Line {number} of {path} is no record.") from error
            yield item
