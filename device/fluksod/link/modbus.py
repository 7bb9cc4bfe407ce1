"""Energy meters on RS-485 over Modbus RTU: the bus, of which one is asked at a time, and the meters on it.

An answer counts only when its CRC is right and it is from the meter that was asked, of the length that was asked for.
After anything else the bus is left alone until it is silent, so that no late answer is taken for the next one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from math import inf

from fluksod.link.link_state import LinkReport, LinkState
from fluksod.link.modbus_frames import Question, RefusedError
from fluksod.link.modbus_registers import MeterModel, MeterReading, by_address, read_meter
from fluksod.link.serial_port import SerialFormat, SerialPlace, SerialPort

_LOG = logging.getLogger(__name__)

EVERY = 1.0
"""Seconds between two readings of a meter."""
PATIENCE = 0.4
"""Seconds that a meter may think; Eastron's answer within 0.1 s."""
GAP = 0.02
"""Seconds between an answer and the next question: at least 3.5 characters (Modbus over serial line, 2.5.1.1)."""
QUIET = 0.06
"""Seconds without a byte after which a bus is silent."""
LONGEST_PAUSE = 15.0
"""Seconds between questions to a meter that is not heard while others are: they are not to wait for it."""
_IF_SILENT = "is it powered and wired, are address, baud and parity right?"
_AWAY = 3
"""Readings that have to fail one after the other until a meter counts as away."""


class ModbusError(Exception):
    """The meter did not answer as it should. `heard` tells that it did answer, `silent` that nobody did."""

    def __init__(self, reason: str, *, heard: bool = False, silent: bool = False) -> None:
        super().__init__(reason)
        self.heard = heard
        self.silent = silent


class ModbusBus:
    """The bus behind a serial port. `patience` is what a meter may take for an answer beside the time on the wire."""

    def __init__(
        self,
        port: str,
        form: SerialFormat,
        *,
        wall: Callable[[], float] = time.time,
        patience: float = PATIENCE,
    ) -> None:
        self._report = LinkReport("Modbus bus", port, _LOG, wall)
        place = SerialPlace(port, form, "[[modbus]]", "meter", "answer")
        self._port = SerialPort(place, self._report, self._take, silence=inf, on_open=self._opened)  # each meter tells
        self._seconds_a_byte = (1 + form.data_bits + (form.parity != "N") + form.stop_bits) / form.baud
        self._patience = patience
        self._turn = asyncio.Lock()
        self._received = bytearray()
        self._news = asyncio.Event()
        self._return = asyncio.Event()
        self._living: set[int] = set()
        self._dirty = True

    @property
    def state(self) -> LinkState:
        """Whether its port is there, and a meter was heard since."""
        return self._report.state

    @property
    def is_open(self) -> bool:
        """Whether the port is open."""
        return self._port.is_open

    def open(self) -> None:
        """Open the port now. Raises `PortInUseError`; a missing port is waited for."""
        self._port.open()

    async def run(self) -> None:
        """Keep the port open until cancelled."""
        await self._port.run()

    def close(self) -> None:
        """Close the port."""
        self._port.close()

    async def ask(self, question: Question) -> list[int]:
        """The registers that are asked for. Raises `ModbusError`."""
        async with self._turn:
            if self._dirty:
                await self._silence()
            self._received.clear()
            self._dirty = True  # until all of the answer has come
            frame = question.frame
            try:
                self._port.write(frame)
            except OSError as error:
                raise ModbusError(f"the question cannot be sent: {error.strerror}", silent=True) from error
            on_wire = (len(frame) + question.answer_size) * self._seconds_a_byte
            registers = await self._answer(question, time.monotonic() + self._patience + on_wire)
            self._dirty = False
            self._report.heard()
            await asyncio.sleep(GAP)
            return registers

    @property
    def is_dead(self) -> bool:
        """Whether no meter on it is heard."""
        return not self._living

    def lives(self, address: int) -> None:
        """Tell that a meter is heard. If it was away, it may have been the cable, and others may be back with it."""
        if address not in self._living:
            self._living.add(address)
            self._return.set()
            self._return = asyncio.Event()

    def dies(self, address: int) -> None:
        """Tell that a meter is away."""
        self._living.discard(address)

    async def wait_for_return(self, seconds: float) -> bool:
        """Wait for `seconds`, or until a meter that was away is heard, which is what it tells."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                return await self._return.wait()
        return False

    async def _answer(self, question: Question, deadline: float) -> list[int]:
        while True:
            self._news.clear()
            received = bytes(self._received)
            try:
                registers = question.registers(received)
            except RefusedError as error:
                raise ModbusError(f"{error}; is its model right?", heard=True) from error
            if registers is not None:
                return registers
            if len(received) >= question.answer_size:  # enough for it: only a rest that is on its way can help
                deadline = min(deadline, time.monotonic() + QUIET + len(question.frame) * self._seconds_a_byte)
            try:
                async with asyncio.timeout(deadline - time.monotonic()):
                    await self._news.wait()
            except TimeoutError:
                advice = "is each address there once, are wiring, baud and parity right?" if received else _IF_SILENT
                raise ModbusError(f"{question.complaint(received)}; {advice}", silent=not received) from None

    async def _silence(self) -> None:
        """Wait until nothing has come for `QUIET` seconds, at most a second."""
        until = time.monotonic() + 1.0
        while time.monotonic() < until:
            self._news.clear()
            try:
                async with asyncio.timeout(QUIET):
                    await self._news.wait()
            except TimeoutError:
                return

    def _take(self, data: bytes) -> bool:
        if len(self._received) < 512:  # the longest answer has 256; noise is not collected
            self._received += data
        self._news.set()
        return False  # whether it is any good is seen where the answer is awaited

    def _opened(self) -> None:
        self._received.clear()
        self._dirty = True


class ModbusMeter:
    """One meter on a bus, asked `every` so many seconds; `on_reading` is told each answer. `place` is for the log."""

    def __init__(
        self,
        bus: ModbusBus,
        name: str,
        place: str,
        address: int,
        model: MeterModel,
        on_reading: Callable[[MeterReading], None],
        *,
        wall: Callable[[], float] = time.time,
        every: float = EVERY,
    ) -> None:
        self._bus = bus
        self._address = address
        self._place = place
        self._model = model
        self._questions = [Question(address, model.function, first, count) for first, count in model.reads]
        self._on_reading = on_reading
        self._every = every
        self._report = LinkReport(f"meter {name!r}", place, _LOG, wall)
        self._failures = 0
        self._unheard = 0
        self._rejected = 0
        self._has_counted = False

    @property
    def state(self) -> LinkState:
        """Whether the meter is heard."""
        return self._report.state

    @property
    def is_open(self) -> bool:
        """Whether the bus is open."""
        return self._bus.is_open

    def open(self) -> None:
        """Nothing is to be opened: the bus is."""
        self._report.away("waiting", f"the meter at {self._place} has not answered yet")

    def close(self) -> None:
        """Nothing is to be released."""

    async def run(self) -> None:
        """Ask until cancelled."""
        due = time.monotonic()
        while True:
            if self._bus.is_open:
                await self._ask()
                pause = self._pause()
                due = max(due + pause, time.monotonic())  # a slow bus is asked as often as it can answer
            else:
                self._failures = self._unheard = 0
                self._report.away("missing", self._bus.state.error or "its bus is not open")
                pause = 0.2
                due = time.monotonic() + pause
            if pause <= self._every:
                await asyncio.sleep(due - time.monotonic())
            elif await self._bus.wait_for_return(due - time.monotonic()):
                self._unheard = 0
                due = time.monotonic()

    def _pause(self) -> float:
        """Seconds until the next question, twice as long each time that it was not heard.

        Where nobody is heard nobody has to wait for it, and one on a bus that was cut off is heard soon after.
        """
        if self._bus.is_dead:
            return self._every
        return min(self._every * 2.0 ** max(self._unheard - 2, 0), LONGEST_PAUSE)

    async def _ask(self) -> None:
        try:
            answers = [await self._bus.ask(question) for question in self._questions]
            reading = self._read(answers)
        except ModbusError as error:
            self._failed(error)
            return
        self._bus.lives(self._address)
        self._failures = self._unheard = 0
        self._report.heard()
        self._on_reading(reading)

    def _read(self, answers: list[list[int]]) -> MeterReading:
        """What its registers say. Raises `ModbusError` where that cannot be."""
        try:
            reading = read_meter(self._model, by_address(self._model.reads, answers))
        except ValueError as error:
            raise ModbusError(f"{error}; is its model right?", heard=True) from error
        counted = reading.imported > 0 or reading.exported > 0
        if self._has_counted and not counted:  # after a power cut it has not read its memory yet
            reason = "all its counters are 0, although it has counted; they are held until it tells them again"
            raise ModbusError(reason, heard=True)
        self._has_counted = counted
        return reading

    def _failed(self, error: ModbusError) -> None:
        self._failures += 1
        self._unheard = 0 if error.heard else self._unheard + 1
        if self._unheard >= _AWAY:
            self._bus.dies(self._address)
        if not error.silent:
            self._rejected += 1
            self._report.rejected(self._rejected, "answer(s)", str(error).encode(), time.monotonic())
        if self._failures >= _AWAY:
            self._report.away("silent" if error.silent else "wrong", f"the meter at {self._place}: {error}")
