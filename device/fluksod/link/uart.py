"""The sensor board on a serial port: its v1 lines, read as they come."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from fluksod.link.lines import Line, LineSplitter
from fluksod.link.link_state import LinkReport
from fluksod.link.serial_link import SerialLink
from fluksod.link.serial_port import SerialFormat, SerialPlace, SerialPort

_LOG = logging.getLogger(__name__)

BAUD = 4800
SILENCE = 10.0
"""Seconds without a good line after which the board counts as not connected."""


class UartLink(SerialLink):
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
        report = LinkReport("board", port, _LOG, wall)
        self._on_line = on_line
        self._splitter = LineSplitter()
        place = SerialPlace(port, SerialFormat(BAUD))
        super().__init__(report, SerialPort(place, report, self._take, silence=silence, on_open=self._splitter.restart))

    def _take(self, data: bytes) -> bool:
        lines = self._splitter.feed(data)
        now = asyncio.get_running_loop().time()
        self._report.rejected(self._splitter.rejected, "line(s)", self._splitter.last_rejected, now)
        for line in lines:
            self._on_line(line)
        return bool(lines)
