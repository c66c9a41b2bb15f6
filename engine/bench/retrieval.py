"""`nocturne bench retrieval`: rankings of the product's own search beside the plain arms.

Collections are in BEIR form. Documents become files, indexed by `Engine.index`; a document scores as its best
passage. With two collections or more, the weight between words and meaning is also chosen on all but one and
scored on that one: so it can be seen whether the weight in use is fitted to what it is measured on.
"""

from __future__ import annotations

import json
import shutil
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.api import Engine
from engine.bench import collection as collections
from engine.bench import plain_search
from engine.bench.collection import Collection
from engine.bench.known import Known
from engine.bench.ranking import measures
from engine.contracts import SearchReply
from engine.library import fusion, schema, search
from engine.library.query import understand
from engine.models.load import load_embedder
from engine.paths import Home, find_home
from engine.store.database import Database

PASSAGES = 200  # asked for: recall is measured down to the hundredth document
WEIGHTS = tuple(step / 20 for step in range(21))  # of meaning
PLAIN = ("bm25", "dense", "rrf")
MEASURES = ("ndcg@10", "recall@10", "recall@100", "map")


@dataclass
class Found:
    """What one collection gave: arm -> measure -> value, milliseconds of our searches, weight -> nDCG@10."""

    name: str
    documents: int
    queries: int
    arms: dict[str, dict[str, float]] = field(default_factory=dict)
    ms: list[float] = field(default_factory=list)
    by_weight: dict[float, float] = field(default_factory=dict)


def run(chosen_home: str | None, as_json: bool, folder: str) -> int:
    """Measure every collection at or right below `folder`, print tables or one object, return 0."""
    place = find_home(chosen_home).bench / "retrieval"
    found = []
    for where in collections.find(Path(folder)):
        found.append(_measure(collections.load(where), place / where.name))
        if not as_json:
            _show(found[-1])
    if as_json:
        print(json.dumps(_done(found)), flush=True)
    elif len(found) > 1:
        _show_left_out(found)
    return 0


def _measure(collection: Collection, place: Path) -> Found:
    shutil.rmtree(place, ignore_errors=True)
    home = Home(place / "home")
    ids = {str(path): id for path, id in collections.write(collection, place / "files").items()}
    with Engine(home.root, write=True, program="nocturne bench") as engine:
        engine.index([place / "files"]).result()
    embedder = load_embedder(home)
    found = Found(collection.name, len(collection.documents), len(collection.queries))
    database = schema.open_for_search(home.index_db, embedder)
    assert database is not None
    try:
        known = Known(embedder, collection.queries.values())
        found.arms["ours"] = _ours(database, known, collection, ids, found.ms)
        found.by_weight = _by_weight(database, known, collection, ids)
    finally:
        database.close()
    words, meaning = plain_search.by_words(collection), plain_search.by_meaning(collection, embedder)
    for name, arm in zip(PLAIN, (words, meaning, plain_search.fused(words, meaning)), strict=True):
        ranked = {id: arm(text) for id, text in collection.queries.items()}
        found.arms[name] = measures(ranked, collection.judged)
    return found


def _ours(
    database: Database, known: Known, collection: Collection, ids: Mapping[str, str], ms: list[float]
) -> dict[str, float]:
    ranked = {}
    for id, text in collection.queries.items():
        reply = search.search(database, known, text, PASSAGES)
        ms.append(reply.ms)
        ranked[id] = list(dict.fromkeys(ids[path] for path in _paths(reply)))
    return measures(ranked, collection.judged)


def _paths(reply: SearchReply) -> Iterable[str]:
    for passage in reply.results:
        yield passage.path
        yield from passage.also


def _by_weight(
    database: Database, known: Known, collection: Collection, ids: Mapping[str, str]
) -> dict[float, float]:
    """nDCG@10 of words and meaning alone, nothing promoted, at each weight."""
    owners: dict[int, str] = dict(
        database.execute("SELECT p.id, d.path FROM passages AS p JOIN documents AS d ON d.id = p.document")
    )
    parts = {}
    for id, text in collection.queries.items():
        words, similar = search.candidates(database, known, text, understand(text), PASSAGES)
        parts[id] = words, list(similar.items())
    found = {}
    for weight in WEIGHTS:
        ranked = {
            id: list(dict.fromkeys(ids[owners[passage]] for passage in fusion.fuse(*lists, weight)))
            for id, lists in parts.items()
        }
        found[weight] = measures(ranked, collection.judged)["ndcg@10"]
    return found


# -- what is printed -------------------------------------------------------------------------------


@dataclass(frozen=True)
class LeftOut:
    """`weight` was best on the other collections; here it gives `ndcg`, and the better part alone `part`."""

    name: str
    weight: float
    ndcg: float
    part: float


def left_out(found: Sequence[Found]) -> list[LeftOut]:
    """For each collection the weight that the others would choose."""
    rows = []
    for one in found:
        others = [other for other in found if other is not one]
        weight = max(WEIGHTS, key=lambda weight: statistics.mean(other.by_weight[weight] for other in others))
        part = max(one.by_weight[WEIGHTS[0]], one.by_weight[WEIGHTS[-1]])
        rows.append(LeftOut(one.name, weight, one.by_weight[weight], part))
    return rows


def _times(found: Found) -> dict[str, float]:
    ms = sorted(found.ms) or [0.0]
    return {"p50_ms": statistics.median(ms), "p95_ms": ms[min(len(ms) - 1, int(0.95 * len(ms)))]}


def _object(found: Found) -> dict[str, Any]:
    plain = {name: found.arms[name] for name in PLAIN}
    size = {"documents": found.documents, "queries": found.queries}
    return {**found.arms["ours"], **_times(found), **plain, **size}


def _done(found: Sequence[Found]) -> dict[str, Any]:
    """One collection as itself; of several each by name, and their means on top."""
    each = {one.name: _object(one) for one in found}
    first, *others = each.values()
    if not others:
        return {"event": "done", **first}
    means = {
        name: statistics.mean(one[name] for one in each.values()) for name in (*MEASURES, "p50_ms", "p95_ms")
    }
    plain = {
        arm: {name: statistics.mean(one[arm][name] for one in each.values()) for name in MEASURES}
        for arm in PLAIN
    }
    loo = {
        row.name: {"weight": row.weight, "ndcg@10": row.ndcg, "better_part": row.part}
        for row in left_out(found)
    }
    return {"event": "done", **means, **plain, "collections": each, "left_out": loo}


def _show(found: Found) -> None:
    times = _times(found)
    print(
        f"\n{found.name}: {found.documents} documents, {found.queries} queries; "
        f"search {times['p50_ms']:.1f} ms (p95 {times['p95_ms']:.1f}) without embedding the query"
    )
    print(f"| arm | {' | '.join(MEASURES)} |\n|---|{'---|' * len(MEASURES)}")
    for arm, values in found.arms.items():
        print(f"| {arm} | {' | '.join(f'{values[name]:.3f}' for name in MEASURES)} |", flush=True)


def _show_left_out(found: Sequence[Found]) -> None:
    print(f"\nThe weight of meaning (in use: {fusion.WEIGHT}), chosen on the other collections:")
    print("| collection | weight | nDCG@10 | better part alone |\n|---|---|---|---|")
    for row in left_out(found):
        print(f"| {row.name} | {row.weight} | {row.ndcg:.3f} | {row.part:.3f} |")
