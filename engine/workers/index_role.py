"""The index worker: the only writer of index.db."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from engine.contracts import FolderRules, IndexSummary, Preview
from engine.documents import ocr
from engine.library import beside, index, preview, schema
from engine.library.progress import Meter
from engine.models.embedder import Embedder
from engine.models.load import load_embedder
from engine.paths import Home
from engine.wire import from_json, to_json
from engine.workers.main import Work
from engine.workers.reading import ReaderProcess


class IndexRole:
    """Verbs: index, remove; preview, which stores nothing."""

    background = True

    def __init__(self, home: Home) -> None:
        self._home = home

    @cached_property
    def _embedder(self) -> Embedder:
        return load_embedder(self._home)

    def run(self, verb: str, params: dict[str, Any], work: Work) -> Any:
        if verb == "preview":
            return to_json(self._preview(params, work))
        keep = [Path(path) for path in params["keep"]]
        with beside.opened(self._home.index_db, self._embedder, work.emit) as indexes:
            if verb == "remove":
                return indexes.remove(Path(params["root"]), keep, work.check)
            indexes.keep_only(keep, work.check)
            roots = [Path(root) for root in params["roots"]]
            summary = self._index(indexes, roots, params, work)
            if indexes.serving is not None:
                # The new index needs all folders, whichever were asked for.
                if rest := [root for root in keep if root not in roots]:
                    self._index(indexes, rest, params, work)
                if indexes.is_complete:
                    beside.switch(indexes, work.check)
            return to_json(summary)

    def _index(
        self, indexes: beside.Indexes, roots: list[Path], params: dict[str, Any], work: Work
    ) -> IndexSummary:
        reading = ReaderProcess(self._home)
        try:
            return index.index(
                indexes.written,
                roots,
                self._embedder,
                control=work,
                emit=work.emit,
                own=self._home.root,
                rules=from_json(dict[str, FolderRules], params["rules"]),
                forgotten=params["forgotten"],
                crashed=params["crashed"],
                retry=params["retry"],
                read=reading.read_all,
                serving=indexes.serving,
                recognise=reading.recognise if params["recognise"] and ocr.is_installed() else None,
            )
        finally:
            reading.close()

    def _preview(self, params: dict[str, Any], work: Work) -> Preview:
        database = schema.open_for_reading(self._home.index_db)
        try:
            rates = preview.Rates.measured(database)
        finally:
            if database is not None:
                database.close()
        meter = Meter("scan", 0, work.emit)

        def visit(directory: str, found: int) -> None:
            work.check()
            meter.done = found
            meter.show_sometimes(directory)

        return preview.preview(
            [Path(root) for root in params["roots"]],
            self._home.root,
            rules=from_json(dict[str, FolderRules], params["rules"]),
            forgotten=params["forgotten"],
            rates=rates,
            recognise=ocr.is_installed(),
            visit=visit,
        )

    def stop(self) -> None:
        """Nothing to do: the work looks at its flag at every file and every batch."""
