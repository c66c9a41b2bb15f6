"""Which part of the library a search is about: below a folder, of a kind, changed since a day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from engine.documents import formats
from engine.library.writer import below

Subquery = tuple[str, Sequence[object]]  # SQL and its parameters


@dataclass(frozen=True)
class Within:
    """Each condition may be missing. `kind` is a kind of file ("pdf", "table"), or an extension."""

    folder: Path | None = None
    kind: str | None = None
    since: datetime | None = None

    def condition(self, prefix: str = "") -> tuple[str, list[str | int]]:
        """A condition on rows of `documents`, whose columns have `prefix`, and its parameters."""
        conditions, params = ["1"], list[str | int]()
        if self.folder is not None:
            condition, places = below(str(self.folder), f"{prefix}path")
            conditions.append(condition)
            params += places
        if self.kind is not None:
            wanted = self.kind.lower().removeprefix(".")
            conditions.append(f"({prefix}kind = ? OR {prefix}kind = ? AND {prefix}path LIKE ?)")
            params += [wanted, formats.KINDS.get(wanted, ""), f"%.{wanted}"]
        if self.since is not None:
            conditions.append(f"{prefix}mtime_ns >= ?")
            params.append(int(self.since.timestamp()) * 10**9)
        return " AND ".join(conditions), params

    def documents(self) -> Subquery | None:
        """Their ids; None if everything is inside."""
        if self == Within():
            return None
        condition, params = self.condition()
        return f"SELECT id FROM documents WHERE {condition}", params
