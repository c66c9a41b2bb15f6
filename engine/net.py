"""The only place that may open a network connection, and the guard that keeps it so.

`guard()` installs an audit hook (PEP 578) that refuses to resolve, connect or bind anything but loopback,
and writes each refusal to the network log. Audit hooks see Python's sockets, not those of native
libraries; for those the test suite runs in a network namespace that holds loopback only.
"""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.errors import EngineError

_EVENTS = {"socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"}


def guard(log: Path | None = None, on_refusal: Callable[[str], None] | None = None) -> None:
    """Refuse every INET address outside loopback for the rest of this process (hooks cannot be removed)."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in _EVENTS:
            return
        address = (
            arguments[1] if event in {"socket.connect", "socket.bind", "socket.sendto"} else arguments[0]
        )
        if is_local(address):
            return
        if log is not None:
            _write(log, event, address)
        if on_refusal is not None:
            on_refusal(f"{event} {address}")
        raise EngineError("network_blocked", address=str(address))

    sys.addaudithook(hook)


def is_local(address: Any) -> bool:
    """True for loopback hosts, Unix sockets and addresses without a host."""
    if isinstance(address, tuple):
        address = address[0]
    if address is None or isinstance(address, int):
        return True
    if isinstance(address, bytes):
        address = address.decode(errors="replace")
    host = str(address)
    if host.startswith(("/", "\0")) or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        # A name to look up, a Unix path, or "" (all interfaces): only the second is harmless.
        return "/" in host


def _write(log: Path, event: str, address: Any) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as file:
        file.write(f"{datetime.now(UTC).isoformat(timespec='seconds')} refused {event} {address}\n")
