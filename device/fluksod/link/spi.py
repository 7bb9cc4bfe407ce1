"""The sensor board on SPI: set up as configured, asked for changes each second, its RS-485 bus polled in between."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from fluksod.link.board_settings import BoardSensor, HardwareVersion
from fluksod.link.board_sync import SyncError, sync_board
from fluksod.link.lines import CounterLine, Line, PowerLine
from fluksod.link.link_state import LinkReport, LinkState, PortInUseError
from fluksod.link.serial_port import REOPEN, why_not_open
from fluksod.link.spi_frames import (
    ANALOG_SENSORS,
    FrameError,
    Record,
    bus_frame,
    control_frame,
    parse_records,
    parse_reply,
)

_LOG = logging.getLogger(__name__)
_Answer = TypeVar("_Answer")

SILENCE = 10.0
"""Seconds without a good frame after which the board counts as not connected."""
DELTA_EVERY = 1.0
"""Seconds between two questions for changes (`gd`)."""
POLL_EVERY = 0.05
"""Seconds between two looks at the RS-485 bus; only where somebody listens to it."""
COMMIT_WAIT = 0.5
"""Seconds until the board has written its EEPROM (`ct`)."""
_READS = 4  # of an answer that is not ready yet


class SpiPort(Protocol):
    """What carries frames to the board and back; calls may block for some ten milliseconds."""

    def write(self, frame: bytes) -> None:
        """Send a frame with its two zeros. May raise `OSError`."""

    def read(self) -> bytes:
        """Return what the board says before its zero. May raise `OSError` and `FrameError`."""

    def close(self) -> None:
        """Release it."""


@dataclass(frozen=True, slots=True)
class SpiBoard:
    """A board on SPI: its device, what it counts, and the id of each of its sensors by index.

    `reply_delay` (s) is left between question and answer.
    """

    port: str
    sensors: Sequence[BoardSensor]
    ids: Mapping[int, str]
    hardware: HardwareVersion = field(default_factory=lambda: HardwareVersion(2, 2))
    reply_delay: float = 0.005
    reset_counters: bool = False


class SpiLink:
    """Keeps a board on SPI set up and hands what it counts to `on_line`, from the event loop.

    `open_port` opens the device. It is used in a thread, so that the event loop never waits for a transfer.
    Bytes from the board's RS-485 bus go to `on_bus`; without it the bus is not polled.
    """

    def __init__(
        self,
        board: SpiBoard,
        on_line: Callable[[Line], None],
        open_port: Callable[[], SpiPort],
        *,
        wall: Callable[[], float] = time.time,
        silence: float = SILENCE,
        on_bus: Callable[[bytes], None] | None = None,
    ) -> None:
        self._board = board
        self._on_line = on_line
        self._open_port = open_port
        self._silence = silence
        self._report = LinkReport("board", board.port, _LOG, wall)
        self._port: SpiPort | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spi")
        self._rejected = 0
        self._to_bus: list[bytes] = []
        self._reset_counters = board.reset_counters
        self.on_bus = on_bus

    @property
    def state(self) -> LinkState:
        """Whether the board is heard."""
        return self._report.state

    @property
    def is_open(self) -> bool:
        """Whether the device is open."""
        return self._port is not None

    def open(self) -> None:
        """Open the device now. Raises `PortInUseError` when another program holds it; a missing one is waited for."""
        try:
            self._port = self._open_port()
        except OSError as error:
            self._report.away(*why_not_open(self._board.port, "board", error))
            return
        self._report.away("waiting", f"no answer from the board on {self._board.port} yet")

    def send_bus(self, data: bytes) -> None:
        """Send bytes on the board's RS-485 bus; up to 15 go out in one piece, more while they still come in."""
        self._to_bus.append(data)

    async def run(self) -> None:
        """Keep the board set up, ask and poll it until cancelled."""
        try:
            while True:
                if self._port is None:
                    try:
                        self.open()
                    except PortInUseError as error:
                        self._report.away("held", str(error))
                if self._port is not None:
                    try:
                        await self._serve()
                    except OSError as error:
                        self._release()
                        gone = f"{self._board.port} is gone ({error}); waiting for it to come back"
                        self._report.away("missing", gone)
                await asyncio.sleep(REOPEN)
        finally:
            self.close()

    def close(self) -> None:
        """Close the device and release its lock."""
        self._release()

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        heard = next_delta = loop.time()
        while True:
            now = loop.time()
            if now >= next_delta:
                next_delta = max(next_delta + DELTA_EVERY, now)
                if await self._ask_for_changes():
                    heard = loop.time()
                elif loop.time() - heard > self._silence:
                    waited = f"for {self._silence:g} s; is it powered and wired?"
                    self._report.away("silent", f"no answer from the board on {self._board.port} {waited}")
            if self.on_bus is not None or self._to_bus:
                await self._poll()
            pause = max(next_delta - loop.time(), 0.0)
            await asyncio.sleep(pause if self.on_bus is None else min(pause, POLL_EVERY))

    async def _ask_for_changes(self) -> bool:
        try:
            if not self.state.connected:
                await self._sync()
            records = parse_records(await self._ask("gd"))
        except FrameError as error:
            self._reject(error)
            return False
        except SyncError as error:
            self._report.away(f"sync: {error}", str(error))
            return False
        self._report.heard()
        for record in records:
            self._tell(record)
        return True

    async def _sync(self) -> None:
        board = self._board
        # A board that does not answer at all is silent, not wrongly set up: find out by one question.
        await self._ask("gh")
        changed = await sync_board(self._ask, board.sensors, board.hardware, reset_counters=self._reset_counters)
        self._reset_counters = False
        if changed:
            _LOG.info("the board on %s was set up as configured, and keeps it", board.port)

    def _tell(self, record: Record) -> None:
        sensor = self._board.ids.get(record.index)
        if sensor is None:
            return
        if record.index < ANALOG_SENSORS:
            self._on_line(CounterLine(sensor, record.counter, None, record.milli))
            self._on_line(PowerLine(sensor, record.extra))
        else:
            self._on_line(CounterLine(sensor, record.counter, record.extra, record.milli))

    async def _poll(self) -> None:
        """Exchange bytes with the RS-485 bus. The first read of an idle board brings nothing, the second one does."""
        waiting, self._to_bus = self._to_bus, []
        try:
            for data in waiting:
                await self._write(bus_frame(data))
            reply = parse_reply(await self._read() or await self._read())
        except FrameError as error:
            self._reject(error)
            return
        self._hand_over(reply.bus)

    async def _ask(self, message: str) -> str:
        """Send a control message and return its reply. Raises `FrameError` when there is none, or a wrong one."""
        await self._write(control_frame(message))
        await asyncio.sleep(COMMIT_WAIT if message == "ct" else self._board.reply_delay)
        for _ in range(_READS):
            heard = await self._read()
            if heard:  # an empty read leaves the board ready to send: only another read may follow it
                reply = parse_reply(heard)
                self._hand_over(reply.bus)
                if reply.control is not None:
                    return reply.control
            await asyncio.sleep(self._board.reply_delay)
        raise FrameError(f"no answer to {message!r}")

    async def _write(self, frame: bytes) -> None:
        await self._do(lambda port: port.write(frame))

    async def _read(self) -> bytes:
        return await self._do(lambda port: port.read())

    async def _do(self, work: Callable[[SpiPort], _Answer]) -> _Answer:
        port = self._port
        if port is None:
            raise OSError(f"{self._board.port} is closed")
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, port)

    def _hand_over(self, data: bytes) -> None:
        if data and self.on_bus is not None:
            self.on_bus(data)

    def _reject(self, error: FrameError) -> None:
        self._rejected += 1
        now = asyncio.get_running_loop().time()
        self._report.rejected(self._rejected, "frame(s)", str(error).encode(), now)

    def _release(self) -> None:
        port, self._port = self._port, None
        if port is not None:
            self._thread.submit(port.close)  # after the transfer that may be under way
