"""Energy meters on RS-485 over Modbus RTU: the bus, of which one is asked at a time, and the meters on it.

An answer counts only when its CRC is right and it is from the meter that was asked, of the length that was asked for.
After anything else the bus is left alone until it is silent, so that no late answer is taken for the next one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from pymodbus.exceptions import ModbusException
from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU
from pymodbus.pdu.register_message import ReadInputRegistersRequest, ReadInputRegistersResponse

from fluksod.link.link_state import LinkReport, LinkState
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
"""Seconds between questions to a meter that does not answer: those beside it are asked on."""
SILENCE = 10.0


class ModbusError(Exception):
    """The meter did not answer as it should; `is_silence` when it did not at all."""

    def __init__(self, reason: str, *, is_silence: bool = False) -> None:
        super().__init__(reason)
        self.is_silence = is_silence


class ModbusBus:
    """The bus behind a serial port."""

    def __init__(self, port: str, form: SerialFormat, wall: Callable[[], float] = time.time) -> None:
        self._report = LinkReport("Modbus bus", port, _LOG, wall)
        place = SerialPlace(port, form, "[[modbus]]", "meter", "answer")
        self._port = SerialPort(place, self._report, self._take, silence=SILENCE, on_open=self._opened)
        self._framer = FramerRTU(DecodePDU(False))
        self._bits = 1 + form.data_bits + (form.parity != "N") + form.stop_bits
        self._baud = form.baud
        self._turn = asyncio.Lock()
        self._received = bytearray()
        self._news = asyncio.Event()
        self._answered = False
        self._dirty = True

    @property
    def state(self) -> LinkState:
        """Whether any meter is heard."""
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

    async def read(self, address: int, first: int, count: int) -> list[int]:
        """Read `count` input registers of a meter from `first` on. Raises `ModbusError`."""
        async with self._turn:
            if self._dirty:
                await self._silence()
            self._received.clear()
            self._dirty = True  # until all of the answer has come
            request = ReadInputRegistersRequest(address=first, count=count, dev_id=address)
            self._port.write(self._framer.encode(bytes([request.function_code]) + request.encode(), address, 0))
            size = 5 + 2 * count
            on_wire = (8 + size) * self._bits / self._baud
            words = await self._answer(address, count, PATIENCE + on_wire)
            self._dirty = False
            await asyncio.sleep(GAP)
            return words

    async def _answer(self, address: int, count: int, patience: float) -> list[int]:
        deadline = time.monotonic() + patience
        while True:
            self._news.clear()
            used, sender, _, body = self._framer.decode(bytes(self._received))
            if used:
                return self._registers(address, count, sender, body)
            try:
                async with asyncio.timeout(deadline - time.monotonic()):
                    await self._news.wait()
            except TimeoutError:
                if not self._received:
                    raise ModbusError("no answer", is_silence=True) from None
                raise ModbusError(f"half an answer: {self._received.hex()}") from None

    def _registers(self, address: int, count: int, sender: int, body: bytes) -> list[int]:
        if not body:
            raise ModbusError("an answer with a wrong CRC")
        if sender != address:
            raise ModbusError(f"an answer from {sender} instead of {address}")
        try:
            answer = self._framer.decoder.decode(body)
        except (ModbusException, ValueError, IndexError) as error:
            raise ModbusError(f"an answer that cannot be read: {error}") from error
        if answer is not None and answer.isError():
            raise ModbusError(f"exception {getattr(answer, 'exception_code', '?')}")
        if not isinstance(answer, ReadInputRegistersResponse) or len(answer.registers) != count:
            raise ModbusError("an answer to another question")
        self._answered = True
        self._report.heard()
        return list(answer.registers)

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
        answered, self._answered = self._answered, False
        return answered

    def _opened(self) -> None:
        self._received.clear()
        self._dirty = True


class ModbusMeter:
    """One meter on a bus, asked once a second; `on_reading` is told each answer."""

    def __init__(
        self,
        bus: ModbusBus,
        place: str,
        address: int,
        model: MeterModel,
        on_reading: Callable[[MeterReading], None],
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._bus = bus
        self._place = place
        self._address = address
        self._model = model
        self._on_reading = on_reading
        self._report = LinkReport("meter", place, _LOG, wall)
        self._failures = 0
        self._rejected = 0

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
        self._report.away("waiting", f"no answer from the meter at {self._place} yet")

    def close(self) -> None:
        """Nothing is to be released."""

    async def run(self) -> None:
        """Ask until cancelled."""
        due = time.monotonic()
        while True:
            if self._bus.is_open:
                await self._ask()
                due += min(EVERY * 2 ** max(self._failures - 2, 0), LONGEST_PAUSE)
            else:
                self._failures = 0
                self._report.away("missing", self._bus.state.error or "its bus is not open")
                due = time.monotonic() + 0.2
            due = max(due, time.monotonic())  # a slow bus is asked as often as it can answer
            await asyncio.sleep(due - time.monotonic())

    async def _ask(self) -> None:
        try:
            answers = [await self._bus.read(self._address, first, count) for first, count in self._model.reads]
            reading = read_meter(self._model, by_address(self._model.reads, answers))
        except ModbusError as error:
            self._failed(str(error), is_silence=error.is_silence)
            return
        except ValueError as error:
            self._failed(str(error), is_silence=False)
            return
        except OSError:
            return  # the port vanished meanwhile; it is opened again
        self._failures = 0
        self._report.heard()
        self._on_reading(reading)

    def _failed(self, reason: str, *, is_silence: bool) -> None:
        self._failures += 1
        if not is_silence:
            self._rejected += 1
            self._report.rejected(self._rejected, "answer(s)", reason.encode(), time.monotonic())
        if self._failures >= 3:
            kind = "silent" if is_silence else "wrong"
            hint = "is it powered and wired, are address, baud and parity right" if is_silence else "is its model right"
            self._report.away(kind, f"{reason} from the meter at {self._place}; {hint}?")
