"""The SPI device of Linux, locked for one program, byte by byte as the board needs it. It blocks while it works."""

from __future__ import annotations

import os

import spidev

from fluksod.link.serial_port import take_lock
from fluksod.link.spi_frames import LONGEST_READ, FrameError

SPEED_HZ = 500_000
"""Clock on the wire; the boards take up to 1 MHz."""


class SpidevPort:
    """An open SPI device, mode 0. `byte_delay_us` is left between two bytes."""

    def __init__(self, path: str, byte_delay_us: int) -> None:
        """Open and lock it. Raises `PortInUseError` when another program has the lock, and `OSError`."""
        self._delay = byte_delay_us
        self._lock = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            take_lock(self._lock, path)
            self._spi = spidev.SpiDev()
            self._spi.open_path(path)
            self._spi.mode = 0
            self._spi.max_speed_hz = SPEED_HZ
        except BaseException:
            os.close(self._lock)
            raise

    def write(self, frame: bytes) -> None:
        """Send a frame."""
        for byte in frame:
            self._exchange(byte)

    def read(self) -> bytes:
        """Read until the board's zero, and clock the dummy byte after it (trap 28); what came before the zero."""
        heard = bytearray()
        while (byte := self._exchange(0)) != 0:
            heard.append(byte)
            if len(heard) > LONGEST_READ:
                raise FrameError("the board never ends its frame; check the SPI wiring")
        self._exchange(0)
        return bytes(heard)

    def close(self) -> None:
        """Close it and release the lock."""
        self._spi.close()
        os.close(self._lock)

    def _exchange(self, byte: int) -> int:
        # One transfer a byte: the kernel keeps the delay after each.
        return int(self._spi.xfer2([byte], SPEED_HZ, self._delay, 8)[0])
