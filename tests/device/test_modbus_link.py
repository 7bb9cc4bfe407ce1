"""The bus and its meters against a real Modbus RTU server: late answers, dead meters, zeros, a stuck adapter."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
import tty
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fluksod.config.modbus import Model
from fluksod.link.modbus import ModbusBus, ModbusError, ModbusMeter
from fluksod.link.modbus_frames import Question
from fluksod.link.modbus_registers import MODELS, MeterReading
from fluksod.link.serial_port import SerialFormat
from tests.device.rs485 import Cable, Meter, rs485, with_crc
from tests.device.waiting import until

EVERY = 0.1
"""Seconds between readings here."""


@dataclass
class Heard:
    """A meter on the bus and what it has told."""

    meter: ModbusMeter
    readings: list[MeterReading] = field(default_factory=list)

    def told(self, kwh: float) -> bool:
        """Whether its newest reading stands there."""
        return bool(self.readings) and self.readings[-1].imported == round(kwh * 1_000_000)


def counting(kwh: float) -> Meter:
    """A meter like an SDM230."""
    meter = Meter()
    meter.put(0x0C, 100.0)
    meter.put(0x48, kwh)
    return meter


@asynccontextmanager
async def asked(
    folder: Path, there: Mapping[int, Meter], expected: Mapping[int, Model] | None = None
) -> AsyncIterator[tuple[Cable, dict[int, Heard]]]:
    """A bus with the meters that are `there`, and us asking those that are `expected` (the same where none are)."""
    models = dict.fromkeys(there, Model.SDM230) if expected is None else expected
    async with rs485(folder / "bus", there, 115200) as cable:
        bus = ModbusBus(str(folder / "bus"), SerialFormat(115200), patience=0.15)
        heard: dict[int, Heard] = {}
        for address, model in models.items():
            readings: list[MeterReading] = []
            meter = ModbusMeter(bus, "Heat", f"address {address}", address, MODELS[model], readings.append, every=EVERY)
            heard[address] = Heard(meter, readings)
        bus.open()
        for one in heard.values():
            one.meter.open()
        tasks = [asyncio.create_task(run()) for run in (bus.run, *(one.meter.run for one in heard.values()))]
        try:
            yield cable, heard
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def test_dead_meters_are_asked_less_and_less_while_others_are_heard(tmp_path: Path) -> None:
    expected = dict.fromkeys((1, 2, 3, 4), Model.SDM230)
    async with asked(tmp_path, {1: counting(1)}, expected) as (cable, heard):
        await until(lambda: all("powered" in (heard[dead].meter.state.error or "") for dead in (2, 3, 4)))
        before = cable.asked_of.copy()
        told = len(heard[1].readings)
        await until(lambda: len(heard[1].readings) >= told + 20)
        for dead in (2, 3, 4):
            assert cable.asked_of[dead] - before[dead] <= 4, "20 times if the pauses stayed as they were"
        assert heard[1].meter.state.connected
        assert heard[1].meter.state.rejected_lines == 0


async def test_when_one_comes_back_those_are_asked_at_once_that_were_cut_off_with_it(tmp_path: Path) -> None:
    async with asked(tmp_path, {1: counting(1), 2: counting(2), 3: counting(3)}) as (cable, heard):
        await until(lambda: all(one.readings for one in heard.values()))
        cable.spoil = lambda answer: answer if answer[0] == 1 else b""
        before = cable.asked_of.copy()
        await until(lambda: all(cable.asked_of[cut] >= before[cut] + 7 for cut in (2, 3)))
        cable.spoil = lambda _answer: b""
        await until(lambda: not heard[1].meter.state.connected)  # 2 and 3 have pauses of 3.2 s now
        cable.spoil = bytes
        await until(lambda: all(one.meter.state.connected for one in heard.values()), 1.5)


async def test_a_meter_alone_is_asked_as_often_as_ever_while_it_is_away(tmp_path: Path) -> None:
    async with asked(tmp_path, {1: counting(1)}) as (cable, heard):
        await until(lambda: heard[1].told(1))
        cable.spoil = lambda _answer: b""
        before = cable.asked_of[1]
        await until(lambda: cable.asked_of[1] >= before + 10)  # pauses that double would take 26 s
        cable.spoil = bytes
        await until(lambda: heard[1].meter.state.connected)
        assert heard[1].meter.state.rejected_lines == 0, "silence is no wrong answer"


async def test_a_late_answer_is_taken_for_no_other(tmp_path: Path) -> None:
    """Each answer to a question for meter 2 comes together with that of meter 1, after that was given up."""
    one, two = counting(1), counting(2)
    kept = bytearray()

    def late(answer: bytes) -> bytes:
        if answer[0] == 1:
            kept[:] = answer
            return b""
        return bytes(kept) + answer

    async with asked(tmp_path, {1: one, 2: two}) as (cable, heard):
        await until(lambda: heard[1].told(1) and heard[2].told(2))
        cable.spoil = late
        count = len(heard[1].readings)
        told = len(heard[2].readings)
        await until(lambda: len(heard[2].readings) > told + 5)
        assert len(heard[1].readings) <= count + 1
        assert {reading.imported for reading in heard[2].readings} == {2_000_000}
        cable.spoil = bytes
        one.put(0x48, 1.5)
        await until(lambda: heard[1].told(1.5))


async def test_a_byte_before_each_answer_and_an_echo_do_no_harm(tmp_path: Path) -> None:
    meter = counting(1)
    async with asked(tmp_path, {1: meter}) as (cable, heard):
        cable.spoil = lambda answer: b"\x00" + answer
        await until(lambda: heard[1].told(1))
        cable.spoil = lambda answer: Question(1, 4, 0x48, 4).frame + answer
        meter.put(0x48, 1.25)
        await until(lambda: heard[1].told(1.25))
        assert heard[1].meter.state.rejected_lines == 0


async def test_zeros_after_it_has_counted_are_held(tmp_path: Path) -> None:
    meter = counting(0)
    async with asked(tmp_path, {1: meter}) as (_, heard):
        await until(lambda: heard[1].told(0))  # a new one
        meter.put(0x48, 4321.0)
        await until(lambda: heard[1].told(4321))
        meter.put(0x48, 0.0)
        await until(lambda: not heard[1].meter.state.connected)
        assert heard[1].told(4321)
        assert "all its counters are 0" in (heard[1].meter.state.error or "")
        assert heard[1].meter.state.rejected_lines >= 3
        meter.put(0x48, 4321.5)
        await until(lambda: heard[1].told(4321.5))
        assert {reading.imported for reading in heard[1].readings} == {0, 4_321_000_000, 4_321_500_000}


@pytest.mark.parametrize(("function", "exception"), [(4, 1), (3, 2)])
async def test_a_meter_of_another_model_refuses_and_is_named(tmp_path: Path, function: int, exception: int) -> None:
    """The server itself answers with the exception: a wrong function, registers that are not there."""
    meter = Meter(function, ((0, 100),))
    async with asked(tmp_path, {1: meter, 2: counting(2)}, {1: Model.B23, 2: Model.SDM230}) as (cable, heard):
        wanted = f"exception {exception if function == 3 else 2}"
        await until(lambda: wanted in (heard[1].meter.state.error or ""))
        assert "is its model right" in (heard[1].meter.state.error or "")
        assert heard[1].meter.state.rejected_lines >= 3
        assert not heard[1].readings
        before = cable.asked_of[1]
        await until(lambda: cable.asked_of[1] > before + 10)  # it takes nobody's time, so it is asked on
        assert heard[2].meter.state.connected


async def test_holding_registers_are_asked_with_their_own_function(tmp_path: Path) -> None:
    known = MODELS[Model.B23]
    meter = Meter(known.function, known.reads)
    meter.pack(0x5000, ">Q", 123456)
    meter.pack(0x5B14, ">i", 12345)
    async with asked(tmp_path, {7: meter}, {7: Model.B23}) as (_, heard):
        await until(lambda: heard[7].told(1234.56))
        assert heard[7].readings[-1].power == 123.45


async def test_an_adapter_that_takes_no_bytes_stops_nobody(tmp_path: Path) -> None:
    near, far = os.openpty()
    tty.setraw(far)
    port = os.ttyname(far)
    try:
        bus = ModbusBus(port, SerialFormat(9600), patience=0.05)
        bus.open()
        os.set_blocking(far, False)
        for _ in range(5):  # the kernel moves bytes on in its own time, which makes room again
            with contextlib.suppress(BlockingIOError):
                while True:
                    os.write(far, bytes(1000))
            await asyncio.sleep(0.05)
        began = time.monotonic()
        with pytest.raises(ModbusError, match="the question cannot be sent: it takes no bytes") as stuck:
            await asyncio.wait_for(bus.ask(Question(1, 4, 0, 2)), 5)
        assert stuck.value.silent
        assert time.monotonic() - began < 4
        assert bus.is_open
        bus.close()
    finally:
        os.close(far)
        os.close(near)


async def test_noise_without_end_is_given_up_in_time(tmp_path: Path) -> None:
    near, far = os.openpty()
    tty.setraw(far)
    try:
        bus = ModbusBus(os.ttyname(far), SerialFormat(115200), patience=0.2)
        bus.open()

        async def babble() -> None:
            while True:
                os.write(near, b"\x01\x04\x04\xff" * 8)
                os.set_blocking(near, False)
                await asyncio.sleep(0.005)

        noise = asyncio.create_task(babble())
        with pytest.raises(ModbusError, match="an answer"):
            await asyncio.wait_for(bus.ask(Question(1, 4, 0, 2)), 5)
        noise.cancel()
        bus.close()
    finally:
        os.close(far)
        os.close(near)


def test_what_the_cable_does_to_a_frame() -> None:
    """A CRC of the specification's example (Modbus over serial line, 6.2): 02 07 has 41 12."""
    assert with_crc(b"\x02\x07") == b"\x02\x07\x41\x12"
