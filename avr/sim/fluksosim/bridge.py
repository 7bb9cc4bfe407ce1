"""The board's serial port: a pty in raw mode whose slave is published as a symbolic link.

As with a real serial port, what is sent while nobody has the port open is lost, and a reader that comes back does not
get what was sent while it was away.
"""

from __future__ import annotations

import contextlib
import errno
import os
import pty
import select
import termios
import tty
from pathlib import Path


class BridgeError(RuntimeError):
    """The link cannot be made; the message says why."""


class PtyBridge:
    """One serial port. `link` becomes a symbolic link to the pty's slave; BridgeError when something else is there."""

    def __init__(self, link: Path) -> None:
        self.link = link
        self._master: int | None = None
        self._target = ""
        self._reader_was_there = False
        self.plug_in()

    @property
    def plugged_in(self) -> bool:
        """False between unplug() and plug_in()."""
        return self._master is not None

    def plug_in(self) -> None:
        """Make the pty and publish it; nothing happens when it is there already."""
        if self._master is not None:
            return
        if self.link.exists() and not self.link.is_symlink():
            raise BridgeError(f"{self.link} exists and is not a symbolic link; give --pty another path or remove it")
        master, slave = pty.openpty()
        try:
            tty.setraw(slave)
            self._target = os.ttyname(slave)
            os.set_blocking(master, False)
        finally:
            os.close(slave)  # without a reader the master then reports a hang-up, which is how a reader is noticed
        self._master = master
        fresh = self.link.with_name(f".{self.link.name}.{os.getpid()}")
        try:
            with contextlib.suppress(FileNotFoundError):
                fresh.unlink()
            fresh.symlink_to(self._target)
            fresh.replace(self.link)
        except OSError as error:
            os.close(master)
            self._master = None
            raise BridgeError(f"cannot make the link {self.link}: {error.strerror}") from error

    def unplug(self) -> None:
        """Take the port away, as pulling a USB adapter does: a reader gets a hang-up, the link disappears."""
        if self._master is None:
            return
        with contextlib.suppress(OSError):
            if self.link.readlink() == Path(self._target):
                self.link.unlink()
        os.close(self._master)
        self._master = None
        self._reader_was_there = False

    @property
    def reader(self) -> bool:
        """True while somebody has the slave open."""
        if self._master is None:
            return False
        poll = select.poll()
        poll.register(self._master, 0)
        return not any(event & select.POLLHUP for _, event in poll.poll(0))

    def send(self, data: bytes) -> None:
        """Send to the reader; what nobody reads or what does not fit its buffer is lost, as on a wire."""
        if self._master is None:
            return
        there = self.reader
        if not there:
            if self._reader_was_there:
                self._forget_unread()
            self._reader_was_there = False
            return
        self._reader_was_there = True
        with contextlib.suppress(BlockingIOError, InterruptedError):
            try:
                os.write(self._master, data)
            except OSError as error:
                if error.errno != errno.EIO:  # the reader left between poll and write
                    raise
        with contextlib.suppress(BlockingIOError, OSError):
            os.read(self._master, 4096)  # the link is one way: what a reader sends is ignored

    def _forget_unread(self) -> None:
        with contextlib.suppress(OSError):
            slave = os.open(self._target, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            try:
                termios.tcflush(slave, termios.TCIOFLUSH)
                tty.setraw(slave)  # the next reader may be a plain one that sets nothing itself
            finally:
                os.close(slave)

    def close(self) -> None:
        """Take the port away for good."""
        self.unplug()
