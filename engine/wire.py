"""Contracts as JSON: what processes send each other, `--json` prints and chats keep."""

from __future__ import annotations

from typing import Any, TypeVar

from engine.contracts import Event, FileDone, Found, Notice, Progress, Token

T = TypeVar("T")

_EVENTS: dict[str, type[Any]] = {
    "progress": Progress,
    "file": FileDone,
    "notice": Notice,
    "found": Found,
    "token": Token,
}
_NAMES = {kind: name for name, kind in _EVENTS.items()}


def to_json(value: Any) -> Any:
    """A contract as JSON-ready builtins."""
    import msgspec

    return msgspec.to_builtins(value)


def from_json(kind: type[T], data: Any) -> T:
    """Builtins as the contract `kind`; raises `msgspec.ValidationError` on a wrong shape."""
    import msgspec

    return msgspec.convert(data, kind)


def event_to_json(event: Event) -> dict[str, Any]:
    return {"event": _NAMES[type(event)], **to_json(event)}


def event_from_json(data: dict[str, Any]) -> Event:
    fields = dict(data)
    event: Event = from_json(_EVENTS[fields.pop("event")], fields)
    return event
