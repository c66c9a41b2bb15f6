"""Reasoning models think before they answer, between tags; the person and the checks get the answer alone."""

from __future__ import annotations

OPEN, CLOSE = "<think>", "</think>"


class Thoughts:
    """Takes an answer piece by piece and gives back what of it is no thought.

    Only an answer that begins with a thought is folded: further on the tags are text like any other.
    `opened`: the model's template wrote the beginning, so that the answer starts inside a thought.
    """

    def __init__(self, opened: bool = False) -> None:
        self._state = "inside" if opened else "before"
        self._held = ""

    @property
    def inside(self) -> bool:
        """Whether a thought is under way."""
        return self._state == "inside"

    def feed(self, piece: str) -> str:
        """What of the answer is known to be said now; may be empty."""
        self._held += piece
        if self._state == "before":
            start = self._held.lstrip()
            if start.startswith(OPEN):
                self._state, self._held = "inside", start[len(OPEN) :]
            elif not OPEN.startswith(start):
                self._state = "said"
        if self._state == "inside":
            _thought, closed, rest = self._held.partition(CLOSE)
            if closed:
                self._state, self._held = "after", rest
        if self._state == "after":
            self._held = self._held.lstrip()
            self._state = "said" if self._held else "after"
        if self._state != "said":
            return ""
        said, self._held = self._held, ""
        return said

    def end(self) -> str:
        """What was held back and is no thought; a thought without an end is no answer."""
        return self._held if self._state == "before" else ""
