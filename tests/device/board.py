"""A sensor board for tests: the far end of a real pseudo-terminal, plugged in under a fixed path."""

from __future__ import annotations

import os
import tty
from pathlib import Path

CLAMP = "0123456789abcdef0123456789abcde0"
PULSE = "0123456789abcdef0123456789abcde2"
GAS = "0123456789abcdef0123456789abcde3"


def pwr(sensor: str, watt: int) -> bytes:
    """A line with a clamp's power."""
    return b"pwr %s:%010d\n" % (sensor.encode(), watt)


def pls(sensor: str, counter: int, ms: int | None = None) -> bytes:
    """A line with a counter, and the board's clock where it is a pulse input's."""
    tail = b"" if ms is None else b":%010d" % ms
    return b"pls %s:%010d%s\n" % (sensor.encode(), counter, tail)


class Board:
    """Writes lines to whoever has opened `path`; can be unplugged and plugged in again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._near = -1
        self._far = -1
        self.plug()

    def plug(self) -> None:
        """Make the port appear."""
        self._near, self._far = os.openpty()
        tty.setraw(self._far)
        os.set_blocking(self._near, False)
        self.path.symlink_to(os.ttyname(self._far))

    def unplug(self) -> None:
        """Make the port vanish, as when the cable is pulled."""
        self.path.unlink()
        os.close(self._far)
        os.close(self._near)
        self._near = self._far = -1

    def send(self, *lines: bytes) -> None:
        """Send bytes as they are."""
        os.write(self._near, b"".join(lines))

    def close(self) -> None:
        """Unplug if plugged in."""
        if self._near >= 0:
            self.unplug()
