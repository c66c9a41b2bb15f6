"""The index worker: the only writer of index.db."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from engine.contracts import FolderRules, from_json, to_json
from engine.library import index, schema
from engine.models.embedder import Embedder
from engine.models.load import load_embedder
from engine.paths import Home
from engine.workers.main import Work


class IndexRole:
    """Verbs: index, remove."""

    background = True

    def __init__(self, home: Home) -> None:
        self._home = home

    @cached_property
    def _embedder(self) -> Embedder:
        return load_embedder(self._home)

    def run(self, verb: str, params: dict[str, Any], work: Work) -> Any:
        database = schema.open_for_writing(self._home.index_db, self._embedder, work.emit)
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
                    crashed=params["crashed"],
                    retry=params["retry"],
                )
            )
        finally:
            database.close()

    def stop(self) -> None:
        """Nothing to do: the work looks at its flag at every file and every batch."""
