"""The SPI link against our real firmware v2_0 in simavr: set-up, changes each second, noise, unplugging, the bus."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from fluksod.link.board_settings import BoardSensor, HardwareVersion
from fluksod.link.lines import CounterLine, Line, PowerLine
from fluksod.link.link_state import PortInUseError
from fluksod.link.spi import SpiBoard, SpiLink
from fluksod.link.spidev_port import SpidevPort
from fluksosim.board import Board as Chip
from fluksosim.build import build
from tests.device.board import CLAMP, GAS
from tests.device.chip_spi import ChipSpi
from tests.device.waiting import until

SENSORS = [BoardSensor(0, (1,), 5163), BoardSensor(3, (4,), 10, 500)]
IDS = {0: CLAMP, 3: GAS}


@pytest.fixture
def spi() -> Iterator[ChipSpi]:
    """A board v2_0 a second after power-up, never set up."""
    build("v2_0")
    with Chip("v2_0") as chip:
        chip.run_for(1)
        yield ChipSpi(chip)


@asynccontextmanager
async def linked(
    spi: ChipSpi,
    *,
    silence: float = 10.0,
    hardware: HardwareVersion | None = None,
    sensors: list[BoardSensor] | None = None,
    reset_counters: bool = False,
) -> AsyncIterator[tuple[SpiLink, list[Line]]]:
    """A running link to it and the lines that came."""
    lines: list[Line] = []
    board = SpiBoard(
        "/dev/spidev0.0",
        SENSORS if sensors is None else sensors,
        IDS,
        hardware or HardwareVersion(2, 2),
        reset_counters=reset_counters,
    )
    link = SpiLink(board, lines.append, spi.plug, silence=silence)
    link.open()
    task = asyncio.create_task(link.run())
    try:
        yield link, lines
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def counters(lines: list[Line], sensor: str) -> list[CounterLine]:
    """The counters of a sensor so far."""
    return [line for line in lines if isinstance(line, CounterLine) and line.sensor == sensor]


async def test_a_board_is_set_up_and_tells_what_it_counts(spi: ChipSpi) -> None:
    with spi.held() as chip:
        chip.clamp_watts(0, 2300)
    async with linked(spi) as (link, lines):
        await until(lambda: link.state.connected)
        with spi.held() as chip:
            chip.pulse(0)
        await until(lambda: counters(lines, GAS))
        await until(lambda: PowerLine(CLAMP, 0) not in lines[-2:] and isinstance(lines[-1], PowerLine))
        assert counters(lines, GAS)[0].counter == 10
        assert counters(lines, GAS)[0].milli == 500
        assert (counters(lines, GAS)[0].ms or 0) > 1000
        assert counters(lines, CLAMP)[-1].ms is None
        power = [line.watt for line in lines if isinstance(line, PowerLine)]
        assert power[-1] == pytest.approx(2300, abs=20)
        assert link.state.last_line is not None
    commands = spi.commands
    order = [commands.index(command) for command in ("se0000", "sp00ffff03ffff", "sm00142b", "sf0301f4", "se0301")]
    assert order == sorted(order)
    assert order[-1] < commands.index("ct") < commands.index("gd")
    assert not [command for command in commands if command.startswith("sc")], "counters are left alone"


async def test_a_board_that_is_set_up_already_is_only_asked(spi: ChipSpi) -> None:
    for _ in range(2):
        async with linked(spi) as (link, _lines):
            await until(lambda link=link: link.state.connected)
    assert spi.commands.count("ct") == 1
    assert spi.commands.count("se0000") == 1


async def test_counters_are_set_to_zero_only_when_asked_for(spi: ChipSpi) -> None:
    async with linked(spi) as (link, lines):
        await until(lambda: link.state.connected)
        with spi.held() as chip:
            chip.pulse(0)
        await until(lambda: counters(lines, GAS))
    async with linked(spi, reset_counters=True) as (link, lines):
        await until(lambda: link.state.connected)
        with spi.held() as chip:
            chip.pulse(0)
        await until(lambda: counters(lines, GAS))
        assert counters(lines, GAS)[0].counter == 10


async def test_a_board_of_another_generation_is_refused_in_words(spi: ChipSpi) -> None:
    async with linked(spi, hardware=HardwareVersion(1, 9)) as (link, _lines):
        await until(lambda: "hardware 2.0" in (link.state.error or ""))
        assert 'hardware = "2.0"' in (link.state.error or "")
        assert not link.state.connected
    assert not [command for command in spi.commands if command.startswith("s")], "nothing was set"


async def test_a_command_that_is_not_echoed_as_it_is_is_tried_five_times(spi: ChipSpi) -> None:
    # sensor 0 cannot have this constant: 17 bits are cut on the wire, and the echo differs
    async with linked(spi, sensors=[BoardSensor(0, (1,), 0x1142B)]) as (link, _lines):
        await until(lambda: "does not take" in (link.state.error or ""))
        assert "'sm001142b', asked 5 times: it answered 'sm001142'" in (link.state.error or "")
    assert spi.commands.count("sm001142b") % 5 == 0
    assert "ct" not in spi.commands


async def test_noise_is_dropped_and_counted(spi: ChipSpi, caplog: pytest.LogCaptureFixture) -> None:
    """A garbled reply never reaches a counter, and the next one is right."""
    async with linked(spi) as (link, lines):
        await until(lambda: link.state.connected)
        with spi.held() as chip:
            chip.clamp_watts(0, 1000)
        await until(lambda: counters(lines, CLAMP))
        told = len(lines)
        spi.garble = lambda heard: heard.replace(b"gd00", b"gd03")
        rejected = link.state.rejected_lines
        await until(lambda: link.state.rejected_lines >= rejected + 2)
        assert len(lines) == told
        spi.garble = lambda heard: heard
        await until(lambda: len(lines) > told)
        assert link.state.connected
    assert len([record for record in caplog.records if "bad frame(s)" in record.message]) == 1


async def test_a_silent_board_is_told_and_comes_back(spi: ChipSpi, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="fluksod.link.spi"):
        async with linked(spi, silence=0.5) as (link, _lines):
            await until(lambda: link.state.connected)
            with spi.held() as chip:
                chip.power_cut()
            await until(lambda: not link.state.connected)
            assert "for 0.5 s; is it powered and wired?" in (link.state.error or "")
            assert link.is_open
            with spi.held() as chip:
                chip.power_on()
            await until(lambda: link.state.connected)
    said = [record.message for record in caplog.records if "connected" in record.message]
    assert len(said) == 4, said


async def test_a_device_that_vanishes_is_opened_again(spi: ChipSpi) -> None:
    async with linked(spi) as (link, lines):
        await until(lambda: link.state.connected)
        spi.missing = True
        await until(lambda: not link.is_open)
        assert "does not exist" in (link.state.error or "") or "is gone" in (link.state.error or "")
        spi.missing = False
        with spi.held() as chip:
            chip.clamp_watts(0, 5000)
        told = len(lines)
        await until(lambda: len(lines) > told, 4)
        assert link.state.connected


async def test_bytes_of_the_bus_in_both_directions(spi: ChipSpi) -> None:
    heard = bytearray()
    async with linked(spi) as (link, _lines):
        link.on_bus = heard.extend
        await until(lambda: link.state.connected)
        sent = bytes(range(40))
        with spi.held() as chip:
            chip.uart_receive(sent)
        await until(lambda: bytes(heard) == sent)
        link.send_bus(b"to the bus")
        await until(lambda: b"u" + b"to the bus".hex().encode() + b"\0\0" in spi.written)
        said = bytearray()

        def on_the_bus() -> bool:
            with spi.held() as chip:
                chip.run_for(0.001)
                said.extend(chip.take_bytes())
            return bytes(said) == b"to the bus"

        await until(on_the_bus)


async def test_the_event_loop_goes_on_while_the_board_is_asked(spi: ChipSpi) -> None:
    """Trap 28 needs single bytes with pauses; they are clocked in a thread."""
    async with linked(spi) as (link, _lines):
        loop = asyncio.get_running_loop()
        worst, last = 0.0, loop.time()
        while not link.state.connected:
            await asyncio.sleep(0.001)
            worst, last = max(worst, loop.time() - last), loop.time()
        assert worst < 0.2  # a sync takes half a second


def test_a_device_is_used_by_one_only(tmp_path: Path) -> None:
    """Held by this very process with the lock that a second fluksod meets first."""
    path = tmp_path / "spidev0.0"
    path.write_text("")
    with path.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(PortInUseError, match=rf"in use by .*process {os.getpid()}.*\[\[board\]\]"):
            SpidevPort(str(path), 50)
