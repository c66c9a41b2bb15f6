"""The measures and the collections of `nocturne bench retrieval`."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from engine.bench import collection, ranking
from engine.bench.retrieval import Found, left_out
from engine.errors import EngineError


def test_gain_is_discounted_by_rank_and_normalised() -> None:
    judged = {"a": 3, "b": 1, "c": 0, "d": -1}
    ideal = 7 + 1 / math.log2(3)  # 2^3 - 1 and 2^1 - 1
    assert ranking.ndcg(["a", "b"], judged, 10) == pytest.approx(1.0)
    assert ranking.ndcg(["c", "a", "d", "b"], judged, 10) == pytest.approx(
        (7 / math.log2(3) + 1 / math.log2(5)) / ideal
    )
    assert ranking.ndcg(["c", "a"], judged, 1) == 0.0
    assert ranking.ndcg(["c"], {"c": 0}, 10) == 0.0


def test_recall_and_average_precision_count_all_that_is_relevant() -> None:
    judged = {"a": 2, "b": 1, "c": 1, "d": 0}
    assert ranking.recall(["a", "x", "b", "c"], judged, 3) == pytest.approx(2 / 3)
    assert ranking.average_precision(["a", "x", "b"], judged) == pytest.approx((1 + 2 / 3) / 3)
    assert ranking.average_precision([], judged) == 0.0


def test_a_query_without_a_ranking_counts_and_one_without_judgements_does_not() -> None:
    judged = {"q1": {"a": 1}, "q2": {"b": 1}, "q3": {"c": 0}}
    found = ranking.measures({"q1": ["a"]}, judged)
    assert found == {"ndcg@10": 0.5, "recall@10": 0.5, "recall@100": 0.5, "map": 0.5}


def write(folder: Path, qrels: str = "query-id\tcorpus-id\tscore\nq1\td1\t2\n") -> Path:
    (folder / "qrels").mkdir(parents=True)
    documents = [
        {"_id": "d1", "title": "Of  kettles", "text": "copper\u2028kettles"},
        {"_id": "d/2", "text": "bread"},
    ]
    lines = "\n".join(json.dumps(item, ensure_ascii=False) for item in documents)
    (folder / "corpus.jsonl").write_text(lines + "\n", encoding="utf-8")
    queries = [{"_id": "q1", "text": "kettle"}, {"_id": "q2", "text": "never judged"}]
    (folder / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)), encoding="utf-8")
    (folder / "qrels" / "test.tsv").write_text(qrels, encoding="utf-8")
    return folder


def test_a_collection_becomes_files_whose_names_say_nothing(tmp_path: Path) -> None:
    found = collection.load(write(tmp_path / "one"))
    assert (found.queries, found.judged) == ({"q1": "kettle"}, {"q1": {"d1": 2}})
    paths = collection.write(found, tmp_path / "files")
    assert list(paths.values()) == ["d1", "d/2"]
    first, second = paths
    assert first.read_text(encoding="utf-8") == "# Of kettles\n\ncopper\u2028kettles\n"
    assert second.read_text(encoding="utf-8") == "bread\n"


def test_collections_are_found_at_or_below_a_folder(tmp_path: Path) -> None:
    one, two = write(tmp_path / "one"), write(tmp_path / "two")
    assert collection.find(tmp_path) == [one, two]
    assert collection.find(two) == [two]


def test_what_is_no_collection_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="holds no collection"):
        collection.find(tmp_path)
    with pytest.raises(EngineError, match=r"Line 2 of .*test\.tsv is no judgement"):
        collection.load(write(tmp_path / "one", "q1\td1\t1\nq1\td1\n"))
    broken = write(tmp_path / "two")
    (broken / "queries.jsonl").write_text('{"_id": "q1", "text": "a"}\n["_id"]\n', encoding="utf-8")
    with pytest.raises(EngineError, match=r"Line 2 of .*queries\.jsonl is no record"):
        collection.load(broken)
    (broken / "qrels" / "test.tsv").unlink()
    with pytest.raises(EngineError, match="no judgements"):
        collection.load(broken)


def test_the_weight_left_out_is_chosen_on_the_others() -> None:
    from engine.bench.retrieval import WEIGHTS

    def found(name: str, best: float) -> Found:
        return Found(name, 1, 1, by_weight={weight: 1 - abs(weight - best) for weight in WEIGHTS})

    rows = left_out([found("a", 0.2), found("b", 0.6), found("c", 0.6)])
    assert rows[0].weight == 0.6 and rows[0].ndcg == pytest.approx(0.6)
    assert rows[0].part == pytest.approx(0.8)
    assert all(0.2 <= row.weight <= 0.6 for row in rows[1:])
