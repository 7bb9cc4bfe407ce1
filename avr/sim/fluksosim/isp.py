"""The simulated board's programming interface for programs that know /dev/spidev and /dev/gpiochip, such as avrdude.

with IspSocket(board, folder / "isp") as isp:
    isp.run(["avrdude", "-p", "m168", *isp.avrdude, "-U", "flash:w:firmware.hex:i"])
"""

from __future__ import annotations

import fcntl
import os
import selectors
import socket
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from .board import Board
from .board_header import AVR_FOLDER
from .build import BuildError
from .native import SimulatorError

LONGEST = 4097


def _shim() -> Path:
    folder = AVR_FOLDER / "build"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = ["make", "--no-print-directory", "-C", str(AVR_FOLDER), "build/libspidevshim.so"]
        made = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if made.returncode:
        raise BuildError(f"{' '.join(command)} failed:\n{made.stdout}")
    return folder / "libspidevshim.so"


class IspSocket:
    """Serves the board at a unix socket, in a thread; nobody else may use the board meanwhile.

    Reset is held while a program holds the line low; when it lets go or ends, however it ends, the board starts.
    """

    avrdude = ("-c", "linuxspi", "-P", "/dev/spidev0.0:/dev/gpiochip0:25")
    """What makes avrdude talk to it, together with `environment`."""

    def __init__(self, board: Board, path: Path) -> None:
        self.board = board
        self.instructions = 0
        self.environment = os.environ | {"LD_PRELOAD": str(_shim()), "FLUKSOSIM_ISP": str(path)}
        self._path = path
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(str(path))
        self._listener.listen()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._wake, self._woken = os.pipe()
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._lines: set[socket.socket] = set()
        self._error: Exception | None = None
        self._connections = 0
        self._idle = threading.Event()
        self._idle.set()
        self._thread = threading.Thread(target=self._serve, name="isp", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop serving and let reset go."""
        self.close()

    def run(self, command: list[str], timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a program that finds the board at /dev/spidev0.0; afterwards the board is free again."""
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=timeout_s, check=False
        )
        self.wait()
        return done

    def wait(self) -> None:
        """Wait until no program holds the board any more; only then may anybody else use it."""
        if not self._idle.wait(timeout=10):
            raise SimulatorError("a program still holds the board's programming interface")

    def close(self) -> None:
        """Stop serving, let reset go, remove the socket."""
        os.write(self._woken, b"x")
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
        self._selector.close()
        os.close(self._wake)
        os.close(self._woken)
        self._path.unlink(missing_ok=True)
        self.board.hold_reset(False)
        if self._error:
            raise self._error

    def _serve(self) -> None:
        try:
            while True:
                for key, _ in self._selector.select():
                    if key.fileobj is self._listener:
                        self._selector.register(self._listener.accept()[0], selectors.EVENT_READ)
                        self._connections += 1
                        self._idle.clear()
                    elif isinstance(key.fileobj, socket.socket):
                        self._answer(key.fileobj)
                    else:
                        return
        except Exception as error:  # noqa: BLE001 - told by close(): a thread must not die in silence
            self._error = error

    def _answer(self, connection: socket.socket) -> None:
        try:
            message = connection.recv(LONGEST)
            if message:
                connection.send(self._carry_out(connection, message[:1], message[1:]))
                return
        except (BrokenPipeError, ConnectionResetError):  # its program was killed
            pass
        self._selector.unregister(connection)
        connection.close()
        if connection in self._lines:
            self._lines.remove(connection)
            self._hold_reset(False)
        self._connections -= 1
        if not self._connections:
            self._idle.set()

    def _carry_out(self, connection: socket.socket, kind: bytes, body: bytes) -> bytes:
        if kind == b"R":
            self._lines.add(connection)
            self._hold_reset(body[0] == 0)
            return body
        return self._transfer(body)

    def _hold_reset(self, held: bool) -> None:
        self.board.hold_reset(held)

    def _transfer(self, sent: bytes) -> bytes:
        answer = b""
        for i in range(0, len(sent), 4):
            answer += self.board.isp(sent[i : i + 4].ljust(4, b"\0"))
            self.instructions += 1
        return answer[: len(sent)]
