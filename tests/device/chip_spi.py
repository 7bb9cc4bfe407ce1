"""The simulated board v2_0 as an SPI device of this very process, for tests that interfere with its bytes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fluksod.link.spi_frames import LONGEST_READ, FrameError
from fluksosim.board import Board as Chip


class ChipSpi:
    """Real firmware in simavr, living in real time. `garble` may change what the board says before we read it."""

    def __init__(self, chip: Chip) -> None:
        self._chip = chip
        self._mutex = threading.Lock()
        self.garble: Callable[[bytes], bytes] = lambda heard: heard
        self.written: list[bytes] = []
        self.missing = False
        self._epoch = time.monotonic() - chip.time_s

    @contextmanager
    def held(self) -> Iterator[Chip]:
        """Hold the board, brought up to now: the link uses it in another thread."""
        with self._mutex:
            now = time.monotonic() - self._epoch
            if self._chip.powered and self._chip.time_s < now:
                self._chip.run_until(now)
            yield self._chip
            self._epoch = time.monotonic() - self._chip.time_s

    def plug(self) -> ChipSpi:
        """Open it."""
        if self.missing:
            raise FileNotFoundError(2, "No such file or directory", "/dev/spidev0.0")
        return self

    def write(self, frame: bytes) -> None:
        """Send a frame."""
        self.written.append(frame)
        self._exchange(frame)

    def read(self) -> bytes:
        """Read until the zero, and the dummy byte."""
        heard = bytearray()
        while (byte := self._exchange(b"\0")) != b"\0":
            heard += byte
            if len(heard) > LONGEST_READ:
                raise FrameError("never ends")
        self._exchange(b"\0")
        return self.garble(bytes(heard))

    def close(self) -> None:
        """Nothing is to be released."""

    @property
    def commands(self) -> list[str]:
        """The control messages so far, without CRC."""
        return [frame[1:-5].decode() for frame in self.written if frame.startswith(b"l")]

    def _exchange(self, data: bytes) -> bytes:
        if self.missing:
            raise OSError(19, "No such device")
        with self.held() as chip:
            return chip.spi(data)
