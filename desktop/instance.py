"""One window for each home: a second start hands its wishes to the first window and ends."""

from __future__ import annotations

import hashlib
import json

from PySide6.QtCore import QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

ANSWER_MS = 3000
_RAISED = b"raised\n"


class FirstWindow(QObject):
    """Listens on a local socket named by the home. `called(folder, question)` when a second start came."""

    called = Signal(str, str)

    def __init__(self, home: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._name = socket_name(home)
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._answer)

    def listen(self) -> bool:
        """Become the first window. A socket left by a crash is taken over."""
        QLocalServer.removeServer(self._name)
        return self._server.listen(self._name)

    def _answer(self) -> None:
        while (caller := self._server.nextPendingConnection()) is not None:
            caller.setParent(self)
            caller.disconnected.connect(caller.deleteLater)
            caller.readyRead.connect(self._read)
            self._take(caller)

    def _read(self) -> None:
        caller = self.sender()
        if isinstance(caller, QLocalSocket):
            self._take(caller)

    def _take(self, caller: QLocalSocket) -> None:
        if not caller.canReadLine():
            return
        folder, question = _wishes(bytes(caller.readLine(65536).data()))
        caller.write(_RAISED)
        caller.flush()
        caller.disconnectFromServer()
        self.called.emit(folder, question)


def call_first(home: str, folder: str, question: str) -> bool | None:
    """Ask the first window of `home` to come forward. None: there is none; False: it does not answer."""
    socket = QLocalSocket()
    socket.connectToServer(socket_name(home))
    if not socket.waitForConnected(ANSWER_MS):
        return None
    socket.write(json.dumps({"folder": folder, "ask": question}).encode() + b"\n")
    socket.flush()
    return socket.waitForReadyRead(ANSWER_MS) and bytes(socket.readLine(64).data()) == _RAISED


def socket_name(home: str) -> str:
    """A short name, since socket paths are limited to about 100 bytes."""
    return f"nocturne-{hashlib.sha256(home.encode()).hexdigest()[:16]}"


def _wishes(line: bytes) -> tuple[str, str]:
    try:
        said = json.loads(line)
        return str(said["folder"]), str(said["ask"])
    except (ValueError, KeyError, TypeError):
        return "", ""
