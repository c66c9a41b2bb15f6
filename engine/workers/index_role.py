"""The index worker: the only writer of index.db."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from engine.contracts import FolderRules, Preview, from_json, to_json
from engine.documents import ocr
from engine.library import index, preview, schema
from engine.library.progress import Meter
from engine.models.embedder import Embedder
from engine.models.load import load_embedder
from engine.paths import Home
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
        database = schema.open_for_writing(self._home.index_db, self._embedder, work.emit)
        reading = ReaderProcess(self._home)
        try:
            if verb == "remove":
                return index.remove(database, Path(params["root"]), [Path(path) for path in params["keep"]])
            index.keep_only(database, [Path(path) for path in params["keep"]])
            return to_json(
                index.index(
                    database,
                    [Path(root) for root in params["roots"]],
                    self._embedder,
                    control=work,
                    emit=work.emit,
                    own=self._home.root,
                    rules=from_json(dict[str, FolderRules], params["rules"]),
                    forgotten=params["forgotten"],
                    crashed=params["crashed"],
                    retry=params["retry"],
                    read=reading.read_all,
                    recognise=reading.recognise if params["recognise"] and ocr.is_installed() else None,
                )
            )
        finally:
            reading.close()
            database.close()

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
