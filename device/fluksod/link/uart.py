"""The serial port of the sensor board: opened exclusively, read by the event loop, reopened when it vanished."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import logging
import os
import termios
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import serial

from fluksod.link.lines import Line, LineSplitter
from fluksod.link.port_holder import holder_of

_LOG = logging.getLogger(__name__)

BAUD = 4800
SILENCE = 10.0
"""Seconds without a good line after which the board counts as not connected."""
REOPEN = 0.5
"""Seconds between attempts to open a port that is not there."""
_PSEUDO_TERMINALS = range(136, 144)  # device major numbers of Linux's /dev/pts, Documentation/admin-guide/devices.txt


class PortInUseError(Exception):
    """Another program holds the serial port; the text names it."""


@dataclass(slots=True)
class BoardState:
    """What is known of the board: `last_line` is the unix time of the newest good line, `error` says why it is away."""

    connected: bool = False
    last_line: int | None = None
    rejected_lines: int = 0
    error: str | None = None


class UartLink:
    """Reads the board's lines from `port` and hands them to `on_line`, in order, from the event loop.

    `wall` gives the unix time; after `silence` seconds without a good line the board counts as not connected.
    `state` is kept up to date for whoever shows it.
    """

    def __init__(
        self, port: str, on_line: Callable[[Line], None], wall: Callable[[], float], silence: float = SILENCE
    ) -> None:
        self.state = BoardState(error=f"{port} is not open yet")
        self._silence = silence
        self._kind = ""
        self._port = port
        self._on_line = on_line
        self._wall = wall
        self._splitter = LineSplitter()
        self._serial: serial.Serial | None = None
        self._gone: asyncio.Event = asyncio.Event()
        self._heard = 0.0
        self._reported_rejections = 0
        self._next_rejection_report = 0.0

    @property
    def is_open(self) -> bool:
        """Whether the port is open; a board may be silent on an open port."""
        return self._serial is not None

    def open(self) -> None:
        """Open the port now. Raises `PortInUseError` when another program holds it.

        A port that is missing or unreadable is no error: it is shown in `state` and `run` waits for it.
        """
        try:
            port = serial.Serial(self._port, BAUD, timeout=0, exclusive=True)
        except (serial.SerialException, OSError, ValueError) as error:
            if getattr(error, "errno", None) in (errno.EWOULDBLOCK, errno.EBUSY):
                holder = holder_of(self._port) or "another program"
                raise PortInUseError(
                    f"{self._port} is in use by {holder}; stop it, or give this fluksod another port in [board]"
                ) from error
            self._away(*_why_not_open(self._port, error))
            return
        if os.major(os.fstat(port.fileno()).st_rdev) not in _PSEUDO_TERMINALS:
            # Keeps programs away that take no lock. Not on a pseudo-terminal: there the mark would outlive a kill -9.
            with contextlib.suppress(OSError):
                fcntl.ioctl(port.fileno(), termios.TIOCEXCL)
        self._serial = port
        self._splitter.restart()
        self._gone.clear()
        self._heard = asyncio.get_running_loop().time()
        self._away("waiting", f"no line from the board on {self._port} yet")
        asyncio.get_running_loop().add_reader(port.fileno(), self._readable, port)

    async def run(self) -> None:
        """Keep the port open and watch for silence until cancelled."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                if self._serial is None:
                    try:
                        self.open()
                    except PortInUseError as error:
                        self._away("held", str(error))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(REOPEN):  # wait_for of Python 3.11 may lose a cancellation
                        await self._gone.wait()
                if self._gone.is_set():
                    self._gone.clear()
                elif self._serial is not None and loop.time() - self._heard > self._silence:
                    waited = f"for {self._silence:g} s; is it powered and wired?"
                    self._away("silent", f"no line from the board on {self._port} {waited}")
                self._report_rejections(loop.time())
        finally:
            self.close()

    def close(self) -> None:
        """Close the port and release its lock."""
        port, self._serial = self._serial, None
        if port is not None:
            asyncio.get_running_loop().remove_reader(port.fileno())
            with contextlib.suppress(OSError, serial.SerialException):
                port.close()

    def _readable(self, port: serial.Serial) -> None:
        try:
            data = port.read(4096)
        except (serial.SerialException, OSError, termios.error):
            self.close()
            self._away("missing", f"{self._port} is gone; waiting for it to come back")
            self._gone.set()
            return
        lines = self._splitter.feed(data)
        self.state.rejected_lines = self._splitter.rejected
        if not lines:
            return
        self._heard = asyncio.get_running_loop().time()
        self.state.last_line = int(self._wall())
        if not self.state.connected:
            self.state.connected = True
            self.state.error = None
            self._kind = "connected"
            _LOG.info("board connected on %s", self._port)
        for line in lines:
            self._on_line(line)

    def _away(self, kind: str, reason: str) -> None:
        if kind != self._kind:
            _LOG.log(logging.INFO if kind == "waiting" else logging.WARNING, "board not connected: %s", reason)
        self._kind = kind
        self.state.connected = False
        self.state.error = reason

    def _report_rejections(self, now: float) -> None:
        news = self._splitter.rejected - self._reported_rejections
        if news and now >= self._next_rejection_report:
            self._reported_rejections = self._splitter.rejected
            self._next_rejection_report = now + 60.0
            last = self._splitter.last_rejected[:80]
            _LOG.warning("%d bad line(s) from the board dropped, the last one %r", news, last)


def _why_not_open(port: str, error: Exception) -> tuple[str, str]:
    number = getattr(error, "errno", None)
    if number == errno.ENOENT or not Path(port).exists():
        return "missing", f"{port} does not exist; waiting for it (is the board plugged in?)"
    if number == errno.EACCES:
        return "denied", f"{port} may not be opened by this user; add the user to the group of that port, often dialout"
    return "failed", f"{port} cannot be opened: {error}"
