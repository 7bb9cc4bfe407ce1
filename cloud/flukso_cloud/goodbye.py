"""How connections end: soon, but not before those who take what they were sent have got it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
import struct
import termios
from typing import NamedTuple

GOODBYE_SECONDS = 1.0
LOOK_SECONDS = 0.05
STALLED_SECONDS = 30.0
"""Whoever takes nothing of what it was sent for so long is cut off."""
MOST_UNREAD_BYTES = 1024 * 1024
"""Of what somebody still sends who has been answered."""
_BYTES_RECEIVED = 128
"""Where `tcpi_bytes_received` is in Linux's `struct tcp_info`, a 64-bit number."""


class _Traffic(NamedTuple):
    """What has come over a connection, and what the other side has not confirmed yet, in bytes."""

    received: int
    unconfirmed: int


class Brisk:
    """A transport whose goodbye takes a second at most: TLS alone would wait half a minute for the other's.

    An answer that is still on its way is waited for, as long as it gets on; and for a while whoever is still sending
    may go on, so that it comes to read its answer. Tell it by `lost` when the connection is.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        self._left = 0
        self._stalled = 0.0
        self._read = 0
        self.write = transport.write
        self.is_closing = transport.is_closing
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading
        self.get_extra_info = transport.get_extra_info
        self.get_write_buffer_size = transport.get_write_buffer_size

    def close(self) -> None:
        """Send what is held, then close. Of what comes meanwhile, nothing is kept."""
        if not self._transport.is_closing():
            self._read = _traffic(self._transport).received
            self._transport.close()
            self._timer = self._loop.call_later(LOOK_SECONDS, self._look_after)

    def abort(self) -> None:
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
        """Cut off whoever has got all that it was sent and had time to say so, takes no more of it, or sends on."""
        traffic = _traffic(self._transport)
        left = self._transport.get_write_buffer_size() + traffic.unconfirmed
        self._stalled = self._stalled + LOOK_SECONDS if left == self._left else 0.0
        self._left = left
        self._timer = None
        if traffic.received - self._read > MOST_UNREAD_BYTES or self._stalled >= STALLED_SECONDS:
            self.abort()
        elif left == 0 and self._stalled >= GOODBYE_SECONDS:
            self._transport.abort()
        else:
            self._timer = self._loop.call_later(LOOK_SECONDS, self._look_after)


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
            self._transport.abort()


def _traffic(transport: asyncio.Transport) -> _Traffic:
    """Return what the kernel tells; of what it does not tell elsewhere than on Linux, 0."""
    sock = transport.get_extra_info("socket")
    if sock is None:
        return _Traffic(0, 0)
    with socket.socket(fileno=os.dup(sock.fileno())) as same:
        unconfirmed = struct.unpack("i", fcntl.ioctl(same, termios.TIOCOUTQ, bytes(4)))[0]
        if not hasattr(socket, "TCP_INFO"):
            return _Traffic(0, unconfirmed)
        told = same.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return _Traffic(struct.unpack_from("Q", told.ljust(256, b"\0"), _BYTES_RECEIVED)[0], unconfirmed)
