"""A trace of the simulated board as a VCD file, for GTKWave and other viewers.

with board.trace("board.vcd"):
    board.run_for(1)
"""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from .board_header import BoardHeader
from .native import Native
from .vectors import VECTORS


class Trace:
    """A trace from now until close(). OSError when the file cannot be written.

    Its times are the board's, in ns. In a simulated second the file grows by 0.2 MB (8 MHz) to 0.6 MB (16 MHz).
    """

    def __init__(self, native: Native, header: BoardHeader, path: Path) -> None:
        self._native = native
        self._path = path
        for name, port, bit in _pins(header):
            self._native.call("trace_pin", name.encode(), ord(port), bit)
        for vector, name in VECTORS.items():
            self._native.call("trace_interrupt", name.encode(), vector)
        self._hold("trace_begin", os.fsencode(path))
        self.open = True

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the trace."""
        self.close()

    def close(self) -> None:
        """End the trace; harmless when repeated."""
        if self.open:
            self.open = False
            self._hold("trace_end")

    def _hold(self, call: str, *arguments: bytes) -> None:
        if error := self._native.call(call, *arguments):
            raise OSError(error, os.strerror(error), str(self._path))


def _pins(header: BoardHeader) -> list[tuple[str, str, int]]:
    """Return the pins that a trace shows: name, port letter, bit."""
    port = header.text("PULSE_PORT")[-1]
    pins = [(f"pulse{i}", port, bit) for i, bit in enumerate(header.numbers("PULSE_BITS"))]
    pins.append(("led", header.text("LED_PORT")[-1], header.number("LED_BIT")))
    if header.number("LINK_SPI"):
        pins.append(("rs485_drive", header.text("RS485_PORT")[-1], header.number("RS485_DRIVE_BIT")))
    return pins
