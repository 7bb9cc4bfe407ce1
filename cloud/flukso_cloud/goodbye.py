"""How connections end: soon, but not before those who take what they were sent have got it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
import struct
import termios

GOODBYE_SECONDS = 1.0
STALLED_SECONDS = 30.0
"""Whoever takes nothing of what it was sent for so long is cut off."""


class Brisk:
    """A transport whose goodbye takes a second at most: TLS alone would wait half a minute for the other's.

    An answer that is still on its way is waited for, as long as it gets on. Tell it by `lost` when the connection is.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        self._left = 0
        self._stalled = 0.0
        self.write = transport.write
        self.is_closing = transport.is_closing
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading
        self.get_extra_info = transport.get_extra_info
        self.get_write_buffer_size = transport.get_write_buffer_size

    def close(self) -> None:
        """Send what is held, then close. Whoever still sends is not listened to."""
        if not self._transport.is_closing():
            self._transport.pause_reading()
            self._transport.close()
            self._timer = self._loop.call_later(GOODBYE_SECONDS, self._look_after)

    def cut_off(self) -> None:
        """End it now, and let the kernel forget what it holds for the other side."""
        sock = self._transport.get_extra_info("socket")
        if sock is not None:
            with socket.socket(fileno=os.dup(sock.fileno())) as same:
                same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def lost(self) -> None:
        """There is nothing left to close."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_after(self) -> None:
        """Cut off whoever has got all that it was sent, or takes no more of it."""
        left = self._transport.get_write_buffer_size() + _unconfirmed(self._transport)
        self._stalled = self._stalled + GOODBYE_SECONDS if left == self._left else 0.0
        self._left = left
        if left == 0:
            self._timer = None
            self._transport.abort()
        elif self._stalled >= STALLED_SECONDS:
            self._timer = None
            self.cut_off()
        else:
            self._timer = self._loop.call_later(GOODBYE_SECONDS, self._look_after)


class Stall:
    """Cuts off who takes nothing of a long answer. A protocol tells it when its transport is full, and when no more."""

    def __init__(self, transport: Brisk, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        self._left = 0

    def begin(self) -> None:
        """The transport is full."""
        if self._timer is None:
            self._wait()

    def end(self) -> None:
        """It is not any more, or it is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        self._left = self._transport.get_write_buffer_size()
        self._timer = self._loop.call_later(STALLED_SECONDS, self._look)

    def _look(self) -> None:
        if self._transport.get_write_buffer_size() < self._left:
            self._wait()
        else:
            self._timer = None
            self._transport.cut_off()


def _unconfirmed(transport: asyncio.Transport) -> int:
    """Return bytes that the kernel holds for the other side, which has not confirmed them."""
    sock = transport.get_extra_info("socket")
    if sock is None:
        return 0
    return int(struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)))[0])
