"""An RS-485 bus for tests: two real pseudo-terminals joined by a cable, and a real Modbus RTU server at its far end."""

from __future__ import annotations

import asyncio
import os
import struct
import tty
from collections import Counter
from collections.abc import AsyncIterator, Callable, Container, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice

Spoil = Callable[[bytes], bytes]


def with_crc(frame: bytes) -> bytes:
    """A frame with the CRC of Modbus RTU (polynomial 0xA001, from 0xFFFF, low byte first)."""
    crc = 0xFFFF
    for byte in frame:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return frame + crc.to_bytes(2, "little")


class Cable:
    """Carries bytes between a port at `near`, where fluksod opens it, and one for the meters; may spoil the answers.

    Only the addresses in `wired` hear what is asked.
    """

    def __init__(self, near: Path, wired: Container[int]) -> None:
        self.near = near
        self.wired = wired
        self.spoil: Spoil = bytes
        self.asked = 0
        self.asked_of: Counter[int] = Counter()
        self._far_master, self._far = self._terminal()
        self._near_master = self._near = -1
        self.meters = os.ttyname(self._far)
        asyncio.get_running_loop().add_reader(self._far_master, self._from_meters)
        self.plug()

    def plug(self) -> None:
        """Make the near port appear."""
        self._near_master, self._near = self._terminal()
        self.near.symlink_to(os.ttyname(self._near))
        asyncio.get_running_loop().add_reader(self._near_master, self._to_meters)

    def unplug(self) -> None:
        """Make the near port vanish."""
        self.near.unlink()
        asyncio.get_running_loop().remove_reader(self._near_master)
        os.close(self._near)
        os.close(self._near_master)
        self._near_master = -1

    def inject(self, noise: bytes) -> None:
        """Put bytes on the bus that no meter has sent."""
        os.write(self._near_master, noise)

    def close(self) -> None:
        """Take it all away."""
        if self._near_master >= 0:
            self.unplug()
        asyncio.get_running_loop().remove_reader(self._far_master)
        os.close(self._far_master)
        os.close(self._far)

    @staticmethod
    def _terminal() -> tuple[int, int]:
        master, far = os.openpty()
        tty.setraw(far)
        os.set_blocking(master, False)
        return master, far

    def _to_meters(self) -> None:
        question = os.read(self._near_master, 4096)
        self.asked += 1
        self.asked_of[question[0]] += 1
        if question[0] in self.wired:  # the server answers for those that are not there too, with an exception
            os.write(self._far_master, question)

    def _from_meters(self) -> None:
        answer = os.read(self._far_master, 4096)
        if self._near_master >= 0 and (carried := self.spoil(answer)):
            os.write(self._near_master, carried)


class Meter:
    """The registers of a meter, which are there in `spans` of (first, count) and are read with `function`."""

    def __init__(self, function: int = 4, spans: Sequence[tuple[int, int]] = ((0, 1000),)) -> None:
        self.words: dict[int, int] = {}
        self._function = function
        self._spans = spans

    def put(self, address: int, *numbers: float) -> None:
        """Store floats from a register on, high word first, as Eastron and ORNO do."""
        self.pack(address, f">{len(numbers)}f", *numbers)

    def put_signed(self, address: int, *numbers: int) -> None:
        """Store 32 bit integers from a register on, low word first, as Carlo Gavazzi does."""
        for index, number in enumerate(numbers):
            high, low = struct.unpack(">HH", struct.pack(">i", number))
            self.pack(address + 2 * index, ">HH", low, high)

    def pack(self, address: int, form: str, *numbers: float) -> None:
        """Store numbers from a register on, in a format of `struct`."""
        packed = struct.pack(form, *numbers)
        for index, word in enumerate(struct.unpack(f">{len(packed) // 2}H", packed)):
            self.words[address + index] = word

    def read(self, first: int, count: int) -> list[int]:
        """Registers, 0 where nothing was stored."""
        return [self.words.get(first + index, 0) for index in range(count)]

    def device(self, address: int) -> SimDevice:
        """What the server has of it; it looks here whenever it is asked."""

        async def look(
            function: int, start: int, first: int, count: int, served: list[int], _written: object
        ) -> ExcCodes | None:
            served[first - start : first - start + count] = self.read(first, count)
            return None if function == self._function else ExcCodes.ILLEGAL_FUNCTION

        blocks = [SimData(first, count=count, values=0, datatype=DataType.REGISTERS) for first, count in self._spans]
        return SimDevice(id=address, simdata=blocks, action=look)


@asynccontextmanager
async def rs485(near: Path, meters: Mapping[int, Meter], baud: int = 9600) -> AsyncIterator[Cable]:
    """A cable with a real server for these meters, by their addresses."""
    cable = Cable(near, meters)
    devices = [meter.device(address) for address, meter in meters.items()]
    server = ModbusSerialServer(devices, port=cable.meters, baudrate=baud, ignore_missing_devices=True)
    serving = asyncio.create_task(server.serve_forever())
    try:
        yield cable
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]  # pymodbus types the rest
        serving.cancel()
        cable.close()
