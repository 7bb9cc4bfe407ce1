"""The lines of our real firmware, run in simavr, read by a real fluksod through a pty."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from fluksosim.board import Board as Chip
from fluksosim.board import Line
from fluksosim.board_header import BoardHeader
from fluksosim.build import build
from fluksosim.eeprom_image import FactorySensor, fresh_image
from fluksosim.house import HOUSE
from tests.device.board import Board
from tests.device.daemon_process import Fluksod, configuration, running, sensor_table
from tests.device.waiting import until

IDS = tuple(digit * 32 for digit in "abcd")
START = (1000, 2000, 3000, 4000)
SENSORS = "".join(
    sensor_table(sensor, name, kind)
    for sensor, name, kind in zip(
        IDS, ("Main", "Kitchen", "Solar", "Gas"), ("electricity", "electricity", "electricity", "gas"), strict=True
    )
)


@pytest.fixture
def chip() -> Iterator[Chip]:
    """A provisioned board v1_1 under power."""
    build("v1_1")
    factory = [FactorySensor(sensor, weight.weight) for sensor, weight in zip(IDS, HOUSE, strict=True)]
    with Chip("v1_1", eeprom=fresh_image(BoardHeader("v1_1"), factory, START)) as chip:
        yield chip


@pytest.fixture
async def fluksod(tmp_path: Path, board: Board) -> AsyncIterator[Fluksod]:
    async with running(configuration(tmp_path, sensors=SENSORS)) as fluksod:
        yield fluksod


async def forward(chip: Chip, board: Board, fluksod: Fluksod, seconds: float) -> list[Line]:
    """Let the chip run and send the daemon every byte that its UART sent; wait until all of it was read."""
    chip.take_bytes()
    lines = chip.run_for(seconds)
    sent = chip.take_bytes()
    for start in range(0, len(sent), 2000):
        board.send(sent[start : start + 2000])
        await asyncio.sleep(0.05)  # a pty holds 4 kB, as a serial port's driver does
    rejected = await rejected_lines(fluksod)
    board.send(b"end of this part\n")

    async def all_read() -> bool:
        return await rejected_lines(fluksod) == rejected + 1

    await until(all_read)
    return lines


async def rejected_lines(fluksod: Fluksod) -> int:
    count = (await fluksod.get("/api/v2/device"))["board"]["rejected_lines"]
    assert isinstance(count, int)
    return count


def newest(lines: list[Line]) -> dict[str, int]:
    """The newest counter of each sensor."""
    told = (re.fullmatch(r"pls (\w{32}):(\d{10})(?::\d{10})?", line.text) for line in lines)
    return {match[1]: int(match[2]) for match in told if match is not None}


async def readings(fluksod: Fluksod) -> list[Any]:
    return [await fluksod.reading(sensor) for sensor in IDS]


async def test_counters_and_gauges_are_the_boards(chip: Chip, board: Board, fluksod: Fluksod) -> None:
    chip.clamp_watts(0, 2000)
    chip.clamp_watts(1, 100)
    lines = await forward(chip, board, fluksod, 5)
    for _ in range(3):
        chip.pulse(0)
        chip.pulse(1)
        lines += await forward(chip, board, fluksod, 4)
    shown = await readings(fluksod)
    assert [reading["counter"] for reading in shown] == [newest(lines)[sensor] for sensor in IDS]
    assert shown[2]["counter"] == 3003
    assert shown[3]["counter"] > 4000
    assert shown[0]["gauge"] == pytest.approx(2000, rel=0.02)
    assert shown[1]["gauge"] == pytest.approx(100, abs=10)
    assert shown[2]["gauge"] is not None
    assert await rejected_lines(fluksod) == 4, "only the marks at the ends of the parts"


@pytest.mark.parametrize("hold_up_s", [0.0, 0.2])
async def test_a_power_cut_of_the_board_lets_no_counter_fall(
    chip: Chip, board: Board, fluksod: Fluksod, hold_up_s: float
) -> None:
    """Without warning the board falls back to its checkpoint; with a slowly sinking supply it saves its counters."""
    chip.clamp_watts(0, 10_000)
    await forward(chip, board, fluksod, 10)
    chip.pulse(0)
    await forward(chip, board, fluksod, 3)
    before = [reading["counter"] for reading in await readings(fluksod)]
    chip.power_cut(hold_up_s)
    chip.power_on()
    for _ in range(3):
        lines = await forward(chip, board, fluksod, 4)
        chip.pulse(0)
        shown = [reading["counter"] for reading in await readings(fluksod)]
        assert all(later >= earlier for earlier, later in zip(before, shown, strict=True))
    if hold_up_s:
        assert shown[0] - before[0] in range(25, 40), "12 s of 10 kW"
        assert shown[2] - before[2] == 2
        assert shown[2] == newest(lines)[IDS[2]], "the board's own counter, without an offset"
