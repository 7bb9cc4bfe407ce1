"""A serial port that is opened exclusively, read by the event loop, and reopened when it vanished."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import termios
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import serial

from fluksod.link.link_state import LinkReport, PortInUseError
from fluksod.link.port_holder import holder_of

REOPEN = 0.5
"""Seconds between attempts to open a port that is not there."""
_PSEUDO_TERMINALS = range(136, 144)  # device major numbers of Linux's /dev/pts, Documentation/admin-guide/devices.txt


@dataclass(frozen=True, slots=True)
class SerialFormat:
    """How bytes are on the wire: baud, data bits (7 or 8), parity (N, E or O), stop bits (1 or 2)."""

    baud: int
    data_bits: int = 8
    parity: str = "N"
    stop_bits: int = 1


@dataclass(frozen=True, slots=True)
class SerialPlace:
    """A serial port, what speaks there, and the table of the configuration that names it."""

    port: str
    format: SerialFormat
    table: str = "[[board]]"
    speaker: str = "board"
    message: str = "line"


class SerialPort:
    """Hands what comes in at `place` to `on_data`, from the event loop.

    `on_data` returns whether something good was among it. After `silence` seconds without, the other end counts as not
    connected. `on_open` is called when the port was opened.
    """

    def __init__(
        self,
        place: SerialPlace,
        report: LinkReport,
        on_data: Callable[[bytes], bool],
        *,
        silence: float,
        on_open: Callable[[], None] = lambda: None,
    ) -> None:
        self._place = place
        self._report = report
        self._on_data = on_data
        self._on_open = on_open
        self._silence = silence
        self._serial: serial.Serial | None = None
        self._gone: asyncio.Event = asyncio.Event()
        self._heard = 0.0

    @property
    def is_open(self) -> bool:
        """Whether the port is open; the other end may be silent on an open port."""
        return self._serial is not None

    def open(self) -> None:
        """Open the port now. Raises `PortInUseError` when another program holds it.

        A port that is missing or unreadable is no error: it is reported, and `run` waits for it.
        """
        path, form = self._place.port, self._place.format
        try:
            port = serial.Serial(
                path,
                form.baud,
                bytesize=form.data_bits,
                parity=form.parity,
                stopbits=form.stop_bits,
                timeout=0,
                exclusive=True,
            )
        except (serial.SerialException, OSError, ValueError) as error:
            if getattr(error, "errno", None) in (errno.EWOULDBLOCK, errno.EBUSY):
                raise in_use(path, self._place.table) from error
            self._report.away(*why_not_open(path, self._place.speaker, error))
            return
        if os.major(os.fstat(port.fileno()).st_rdev) not in _PSEUDO_TERMINALS:
            # Keeps programs away that take no lock. Not on a pseudo-terminal: there the mark would outlive a kill -9.
            with contextlib.suppress(OSError):
                fcntl.ioctl(port.fileno(), termios.TIOCEXCL)
        self._serial = port
        self._on_open()
        self._gone.clear()
        self._heard = asyncio.get_running_loop().time()
        self._report.away("waiting", f"no {self._place.message} from the {self._place.speaker} on {path} yet")
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
                        self._report.away("held", str(error))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(REOPEN):  # wait_for of Python 3.11 may lose a cancellation
                        await self._gone.wait()
                if self._gone.is_set():
                    self._gone.clear()
                elif self._serial is not None and loop.time() - self._heard > self._silence:
                    self._report.away("silent", self._silent())
        finally:
            self.close()

    def close(self) -> None:
        """Close the port and release its lock."""
        port, self._serial = self._serial, None
        if port is not None:
            asyncio.get_running_loop().remove_reader(port.fileno())
            with contextlib.suppress(OSError, serial.SerialException):
                port.close()

    def write(self, data: bytes) -> None:
        """Send bytes, all or none, and never wait for it.

        Raises `OSError` when the port is not open, has vanished, or takes nothing: its buffer is then emptied, so
        that nothing old is sent later.
        """
        if self._serial is None:
            raise OSError(errno.ENODEV, "the port is not open")
        number = self._serial.fileno()
        try:
            sent = os.write(number, data)  # pyserial's own waits until there is room, and everything here with it
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            with contextlib.suppress(termios.error):
                termios.tcflush(number, termios.TCOFLUSH)
            raise OSError(errno.EAGAIN, "it takes no bytes; unplug the adapter and plug it in again")

    def _readable(self, port: serial.Serial) -> None:
        try:
            data = port.read(4096)
        except (serial.SerialException, OSError, termios.error):
            self.close()
            self._report.away("missing", f"{self._place.port} is gone; waiting for it to come back")
            self._gone.set()
            return
        if self._on_data(data):
            self._heard = asyncio.get_running_loop().time()
            self._report.heard()

    def _silent(self) -> str:
        place = self._place
        waited = f"for {self._silence:g} s; is it powered and wired?"
        return f"no {place.message} from the {place.speaker} on {place.port} {waited}"


def in_use(port: str, table: str) -> PortInUseError:
    """The refusal of a port that another program has locked: names that program."""
    holder = holder_of(port) or "another program"
    return PortInUseError(f"{port} is in use by {holder}; stop it, or give this fluksod another port in {table}")


def take_lock(handle: int, port: str, table: str = "[[board]]") -> None:
    """Lock an open port until `handle` is closed. Raises `PortInUseError` when another program has the lock."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            raise in_use(port, table) from error
        raise


def why_not_open(port: str, speaker: str, error: Exception) -> tuple[str, str]:
    """The kind and the reason, in words, for which a port could not be opened."""
    number = getattr(error, "errno", None)
    if number == errno.ENOENT or not Path(port).exists():
        return "missing", f"{port} does not exist; waiting for it (is the {speaker} plugged in?)"
    if number == errno.EACCES:
        return "denied", f"{port} may not be opened by this user; add the user to the group of that port, often dialout"
    return "failed", f"{port} cannot be opened: {error}"
