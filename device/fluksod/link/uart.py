"""The sensor board on a serial port: its v1 lines, read as they come."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from fluksod.link.lines import Line, LineSplitter
from fluksod.link.link_state import LinkReport, LinkState
from fluksod.link.serial_port import SerialFormat, SerialPlace, SerialPort

_LOG = logging.getLogger(__name__)

BAUD = 4800
SILENCE = 10.0
"""Seconds without a good line after which the board counts as not connected."""


class UartLink:
    """Reads the board's lines from `port` and hands them to `on_line`, in order, from the event loop.

    `wall` gives the unix time; after `silence` seconds without a good line the board counts as not connected.
    `state` is kept up to date for whoever shows it.
    """

    def __init__(
        self,
        port: str,
        on_line: Callable[[Line], None],
        wall: Callable[[], float] = time.time,
        silence: float = SILENCE,
    ) -> None:
        self._report = LinkReport("board", port, _LOG, wall)
        self._on_line = on_line
        self._splitter = LineSplitter()
        place = SerialPlace(port, SerialFormat(BAUD))
        self._port = SerialPort(place, self._report, self._take, silence=silence, on_open=self._splitter.restart)

    @property
    def state(self) -> LinkState:
        """Whether the board is heard."""
        return self._report.state

    @property
    def is_open(self) -> bool:
        """Whether the port is open; a board may be silent on an open port."""
        return self._port.is_open

    def open(self) -> None:
        """Open the port now. Raises `PortInUseError` when another program holds it; a missing port is waited for."""
        self._port.open()

    async def run(self) -> None:
        """Keep the port open and read it until cancelled."""
        await self._port.run()

    def close(self) -> None:
        """Close the port and release its lock."""
        self._port.close()

    def _take(self, data: bytes) -> bool:
        lines = self._splitter.feed(data)
        now = asyncio.get_running_loop().time()
        self._report.rejected(self._splitter.rejected, "line(s)", self._splitter.last_rejected, now)
        for line in lines:
            self._on_line(line)
        return bool(lines)
