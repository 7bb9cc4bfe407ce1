"""An RS-485 bus for tests: two real pseudo-terminals joined by a cable, and a real Modbus RTU server at its far end."""

from __future__ import annotations

import asyncio
import os
import struct
import tty
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from pymodbus.server import ModbusSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice

Spoil = Callable[[bytes], bytes]
REGISTERS = 1000


class Cable:
    """Carries bytes between a port at `near`, where fluksod opens it, and one for the meters; may spoil the answers."""

    def __init__(self, near: Path) -> None:
        self.near = near
        self.spoil: Spoil = bytes
        self.asked = 0
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
        self.asked += 1
        os.write(self._far_master, os.read(self._near_master, 4096))

    def _from_meters(self) -> None:
        answer = os.read(self._far_master, 4096)
        if self._near_master >= 0 and (carried := self.spoil(answer)):
            os.write(self._near_master, carried)


class Meter:
    """The registers of a meter."""

    def __init__(self) -> None:
        self.registers = [0] * REGISTERS

    def put(self, address: int, *numbers: float) -> None:
        """Store floats from a register on, high word first, as Eastron does."""
        for index, number in enumerate(numbers):
            self._store(address + 2 * index, struct.unpack(">HH", struct.pack(">f", number)))

    def put_signed(self, address: int, *numbers: int) -> None:
        """Store 32 bit integers from a register on, low word first, as Carlo Gavazzi does."""
        for index, number in enumerate(numbers):
            high, low = struct.unpack(">HH", struct.pack(">i", number))
            self._store(address + 2 * index, (low, high))

    def device(self, address: int) -> SimDevice:
        """What the server has of it; it looks here whenever it is asked."""

        async def look(
            _function: int, start: int, _address: int, _count: int, served: list[int], _written: object
        ) -> None:
            served[:] = self.registers[start : start + len(served)]

        registers = SimData(0, count=REGISTERS, values=0, datatype=DataType.REGISTERS)
        return SimDevice(id=address, simdata=[registers], action=look)

    def _store(self, address: int, words: Sequence[int]) -> None:
        self.registers[address : address + 2] = list(words)


@asynccontextmanager
async def rs485(near: Path, meters: dict[int, Meter], baud: int = 9600) -> AsyncIterator[Cable]:
    """A cable with a real server for these meters, by their addresses."""
    cable = Cable(near)
    devices = [meter.device(address) for address, meter in meters.items()]
    server = ModbusSerialServer(devices, port=cable.meters, baudrate=baud, ignore_missing_devices=True)
    serving = asyncio.create_task(server.serve_forever())
    try:
        yield cable
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]  # pymodbus types the rest
        serving.cancel()
        cable.close()
