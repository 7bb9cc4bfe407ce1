"""The simulated board's SPI link for programs that know /dev/spidev, such as fluksod; the board lives in real time.

with SpiSocket(board, folder / "spi") as spi:
    subprocess.run(["fluksod", "run"], env=spi.environment)
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .board import Board
from .isp import IspSocket


class SpiSocket(IspSocket):
    """Serves the board's SPI at a unix socket, in a thread. `held` gives the board to somebody else for a moment.

    The wires are those of the programming interface: while a program holds reset, they are that.
    """

    def __init__(self, board: Board, path: Path) -> None:
        """Begin to serve; from here on a second of the board is a second outside."""
        self._mutex = threading.Lock()
        self._epoch = time.monotonic() - board.time_s
        super().__init__(board, path)

    @contextmanager
    def held(self) -> Iterator[Board]:
        """Hold the board, brought up to now: for its inputs, its supply, its EEPROM."""
        with self._mutex:
            self._catch_up()
            yield self.board
            self._epoch = time.monotonic() - self.board.time_s

    def _hold_reset(self, held: bool) -> None:
        with self.held() as board:
            board.hold_reset(held)

    def _transfer(self, sent: bytes) -> bytes:
        with self.held() as board:
            return super()._transfer(sent) if board.held else board.spi(sent)

    def _catch_up(self) -> None:
        now = time.monotonic() - self._epoch
        if self.board.powered and self.board.time_s < now:
            self.board.run_until(now)
