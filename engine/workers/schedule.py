"""When a folder is to be looked at again: after a hint that something changed, and every so often anyway.

Times are seconds of one clock that only goes forward, given by the caller.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

EVERY = 30 * 60.0  # between two looks without a hint: the truth, since hints get lost
EVERY_REMOTE = 5 * 60.0  # where no hints come from
QUIET = 2.0  # without another hint: whoever writes has come to an end
_LATEST = 30.0  # from the first hint, though there is no end
_SHARE = 10.0  # a look that took a second is not repeated on hints within ten
_LONGEST = 15 * 60.0


@dataclass
class _Folder:
    every: float
    next_look: float
    first_hint: float | None = None
    last_hint: float = 0.0
    rest_until: float = 0.0

    @property
    def due_at(self) -> float:
        if self.first_hint is None:
            return self.next_look
        settled = min(self.last_hint + QUIET, self.first_hint + _LATEST)
        return min(self.next_look, max(settled, self.rest_until))


class Schedule:
    """The folders that are followed, and when each is due."""

    def __init__(self) -> None:
        self._folders: dict[str, _Folder] = {}

    def follow(self, folders: Mapping[str, float], now: float) -> None:
        """Follow these folders and no others; the number is how often each is looked at without a hint."""
        for path in self._folders.keys() - folders.keys():
            del self._folders[path]
        for path, every in folders.items():
            known = self._folders.setdefault(path, _Folder(every, now + every))
            known.every = every

    def hint(self, path: str, now: float) -> None:
        """Something changed in a folder."""
        folder = self._folders.get(path)
        if folder is not None:
            folder.last_hint = now
            folder.first_hint = now if folder.first_hint is None else folder.first_hint

    def due(self, now: float) -> list[str]:
        """Folders to be looked at now; what was hinted at them so far is taken as done."""
        found = [path for path, folder in self._folders.items() if folder.due_at <= now]
        for path in found:
            self._folders[path].first_hint = None
            self._folders[path].next_look = now + self._folders[path].every
        return found

    def next_due(self) -> float | None:
        return min((folder.due_at for folder in self._folders.values()), default=None)

    def looked(self, paths: Iterable[str], now: float, took: float, again_in: float | None = None) -> None:
        """A look has ended. `again_in`: something must be seen a second time."""
        for path in paths:
            if (folder := self._folders.get(path)) is not None:
                folder.rest_until = now + min(_SHARE * took, _LONGEST)
                if again_in is not None:
                    folder.next_look = min(folder.next_look, now + again_in)
