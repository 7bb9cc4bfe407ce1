"""The port of a board that gets another firmware: kept from other programs, and asked what hardware is there."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from fluksod.config.boards import BoardConfig, BoardLink
from fluksod.link.board_sync import HardwareMismatchError, SyncError, check_hardware
from fluksod.link.link_state import PortInUseError
from fluksod.link.serial_port import take_lock
from fluksod.link.spi import SpiPort
from fluksod.link.spi_frames import FrameError, control_frame, parse_reply

_Opened = TypeVar("_Opened")

PATIENCE = 2.0
"""Seconds that our own link may take to let go of the port: a transfer may be under way."""
_READS = 4  # of an answer that is not ready yet


@contextlib.asynccontextmanager
async def reserved(board: BoardConfig) -> AsyncIterator[None]:
    """Hold the lock of a board's port.

    Raises `PortInUseError`, `OSError`, and `HardwareMismatchError` where a board on SPI says that it is another one
    than is configured. One that says nothing may have lost its firmware: that is no error.
    """
    async with contextlib.AsyncExitStack() as held:
        if board.link is BoardLink.UART:
            with contextlib.suppress(FileNotFoundError):  # nobody can use it then; its programmer may be there
                held.callback(os.close, await _patiently(lambda: _locked(board.port)))
        else:
            port = await _patiently(lambda: _spi(board))
            held.callback(port.close)
            await _check(port, board)
        yield


async def _patiently(open_port: Callable[[], _Opened]) -> _Opened:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return open_port()
        except PortInUseError:
            if time.monotonic() > deadline:
                raise
        await asyncio.sleep(0.05)


def _locked(port: str) -> int:
    handle = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        take_lock(handle, port)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _spi(board: BoardConfig) -> SpiPort:
    from fluksod.link.spidev_port import SpidevPort  # there is SPI on Linux only

    return SpidevPort(board.port, board.byte_delay_us)


async def _check(port: SpiPort, board: BoardConfig) -> None:
    async def ask(message: str) -> str:
        await asyncio.to_thread(port.write, control_frame(message))
        for _ in range(_READS):
            await asyncio.sleep(board.reply_delay)
            if heard := await asyncio.to_thread(port.read):
                reply = parse_reply(heard).control
                if reply is not None:
                    return reply
        raise FrameError("no answer")

    try:
        await check_hardware(ask, board.hardware)
    except HardwareMismatchError:
        raise
    except SyncError:
        return
