"""`nocturne bench retrieval` as a person runs it, on two collections of a few documents."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.real, pytest.mark.process]

TEXTS = {
    "kettle": "A copper kettle is heated over the fire until the water boils.",
    "bread": "Bread rises because yeast turns sugar into gas.",
    "ship": "The lighthouse warns ships of rocks at night.",
    "bee": "Bees return to the hive with pollen in spring.",
}
QUERIES = {"q1": ("how is water boiled", "kettle"), "q2": ("what makes dough grow", "bread")}


def collection(folder: Path, names: list[str]) -> None:
    (folder / "qrels").mkdir(parents=True)
    lines = [json.dumps({"_id": name, "title": name, "text": TEXTS[name]}) for name in names]
    (folder / "corpus.jsonl").write_text("\n".join(lines), encoding="utf-8")
    lines = [json.dumps({"_id": id, "text": text}) for id, (text, _name) in QUERIES.items()]
    (folder / "queries.jsonl").write_text("\n".join(lines), encoding="utf-8")
    judged = "".join(f"{id}\t{name}\t1\n" for id, (_text, name) in QUERIES.items())
    (folder / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{judged}", encoding="utf-8")


def bench(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "engine", "bench", "retrieval", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def test_one_object_holds_every_measure_of_every_arm(tmp_path: Path) -> None:
    collection(tmp_path / "beir" / "one", list(TEXTS))
    collection(tmp_path / "beir" / "two", ["ship", "kettle", "bread"])
    done = bench("--beir", tmp_path / "beir", "--home", tmp_path / "home", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    for one in (found, *found["collections"].values()):
        assert {"ndcg@10", "recall@10", "recall@100", "map", "p50_ms", "p95_ms"} <= one.keys()
        for arm in ("bm25", "dense", "rrf"):
            assert one[arm].keys() == {"ndcg@10", "recall@10", "recall@100", "map"}
        assert one["recall@10"] == 1.0 == one["dense"]["recall@10"]
    assert found["collections"].keys() == found["left_out"].keys() == {"one", "two"}
    assert found["collections"]["one"]["bm25"]["recall@10"] < 1.0  # "dough" stands nowhere


def test_without_a_collection_it_says_what_to_give(tmp_path: Path) -> None:
    missing = bench("--home", tmp_path / "home")
    assert missing.returncode == 2 and "--beir DIR" in missing.stderr
    empty = bench("--beir", tmp_path, "--home", tmp_path / "home")
    assert empty.returncode == 2 and "corpus.jsonl" in empty.stderr
