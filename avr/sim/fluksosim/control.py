"""The control socket: a unix socket (0600) that takes one JSON object a line and answers each with one."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
import stat
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

LONGEST_LINE = 65536

Command = Callable[[Mapping[str, Any]], dict[str, Any]]
"""Carries out a request and returns the answer's members; ValueError with a reason for the client."""


class ControlError(RuntimeError):
    """The socket cannot be made; the message says why."""


class ControlSocket:
    """Serves `command` at `path`. ControlError when the path is taken by somebody alive or cannot be made."""

    def __init__(self, path: Path, command: Command) -> None:
        self.path = path
        self._command = command
        self._clients: dict[socket.socket, bytearray] = {}
        self._selector = selectors.DefaultSelector()
        self._listener = self._listen()
        self._selector.register(self._listener, selectors.EVENT_READ)

    def _listen(self) -> socket.socket:
        _remove_stale(self.path)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        old_mask = os.umask(0o177)
        try:
            listener.bind(str(self.path))
        except OSError as error:
            listener.close()
            raise ControlError(f"cannot make the control socket {self.path}: {error}") from error
        finally:
            os.umask(old_mask)
        listener.listen()
        listener.setblocking(False)
        return listener

    def serve(self, seconds: float) -> None:
        """Answer requests for so long."""
        end = time.monotonic() + seconds
        while True:
            for key, _ in self._selector.select(max(0.0, end - time.monotonic())):
                if key.fileobj is self._listener:
                    self._accept()
                else:
                    assert isinstance(key.fileobj, socket.socket)  # noqa: S101 - nothing else is registered
                    self._receive(key.fileobj)
            if time.monotonic() >= end:
                return

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            client, _ = self._listener.accept()
            client.settimeout(1.0)  # for answers; reading is never waited for
            self._clients[client] = bytearray()
            self._selector.register(client, selectors.EVENT_READ)

    def _receive(self, client: socket.socket) -> None:
        try:
            data = client.recv(LONGEST_LINE)
        except OSError:
            data = b""
        if not data:
            self._drop(client)
            return
        buffer = self._clients[client]
        buffer += data
        while (end := buffer.find(b"\n")) >= 0:
            line = bytes(buffer[:end])
            del buffer[: end + 1]
            if not self._send(client, self._answer(line)):
                return
        if len(buffer) > LONGEST_LINE:
            self._send(client, {"ok": False, "error": f"a request is one line of at most {LONGEST_LINE} bytes"})
            self._drop(client)

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
        except ValueError as error:
            return {"ok": False, "error": f"not JSON: {error}"}
        if not isinstance(request, dict):
            return {"ok": False, "error": 'a request is a JSON object with the member "do"'}
        try:
            return {"ok": True, **self._command(request)}
        except ValueError as error:
            return {"ok": False, "error": str(error)}

    def _send(self, client: socket.socket, answer: dict[str, Any]) -> bool:
        try:
            client.sendall(json.dumps(answer).encode() + b"\n")
        except OSError:
            self._drop(client)
            return False
        return True

    def _drop(self, client: socket.socket) -> None:
        if client in self._clients:
            del self._clients[client]
            self._selector.unregister(client)
            client.close()

    def close(self) -> None:
        """Close the socket and remove its file."""
        for client in list(self._clients):
            self._drop(client)
        self._selector.close()
        self._listener.close()
        with contextlib.suppress(OSError):
            self.path.unlink()


def _remove_stale(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ControlError(f"{path} exists and is not a socket; give --control another path or remove it")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()  # left behind by a simulator that was killed
            return
    raise ControlError(f"{path} belongs to a running simulator")
