"""What the tests of the sensor board share: a provisioned EEPROM and boards that are closed again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fluksosim.board import Board, Line
from fluksosim.board_header import BoardHeader
from fluksosim.build import build
from fluksosim.eeprom_image import FactorySensor, fresh_image
from fluksosim.house import HOUSE

IDS = tuple(f"{i:x}" * 32 for i in (0xA, 0xB, 0xC, 0xD))
START = (1000, 2000, 3000, 4000)
"""Counters of the provisioned board."""

Hear = Callable[[list[Line]], "Heard"]


@pytest.fixture(scope="session")
def header() -> BoardHeader:
    """The facts about board v1_1; firmware and simulator are built."""
    build("v1_1")
    return BoardHeader("v1_1")


@pytest.fixture(scope="session")
def image(header: BoardHeader) -> bytes:
    """The EEPROM of a provisioned board: sensor ids IDS, weights of the simulated house, counters START."""
    sensors = [FactorySensor(sensor_id, sensor.weight) for sensor_id, sensor in zip(IDS, HOUSE, strict=True)]
    return fresh_image(header, sensors, START)


@pytest.fixture
def make_board(image: bytes) -> Iterator[Callable[..., Board]]:
    """Return a maker of boards; without arguments a provisioned one."""
    boards: list[Board] = []

    def make(**arguments: Any) -> Board:
        boards.append(Board("v1_1", **({"eeprom": image} | arguments)))
        return boards[-1]

    yield make
    for board in boards:
        board.close()


@pytest.fixture
def board(make_board: Callable[..., Board]) -> Board:
    """A provisioned board, just powered up."""
    return make_board()


class Heard:
    """Lines sorted by sensor.

    `counters[i]` holds only counters that differ from the one before (the board repeats one when nothing happens),
    `told[i]` all of them, `powers[i]` and `ms[i]` (of pulse lines with news) in order, `messages` the texts.
    """

    def __init__(self, lines: list[Line], before: list[int]) -> None:
        self.counters: list[list[int]] = [[], [], [], []]
        self.told: list[list[int]] = [[], [], [], []]
        self.powers: list[list[int]] = [[], [], [], []]
        self.ms: list[list[int]] = [[], [], [], []]
        self.messages: list[str] = []
        for line in lines:
            word, _, rest = line.text.partition(" ")
            if word == "msg":
                self.messages.append(rest)
            elif word in ("pls", "pwr") and len(line.text) in (47, 58):
                sensor, value, *ms = rest.split(":")
                self._sort(word, IDS.index(sensor), int(value), [int(clock) for clock in ms], before)

    def _sort(self, word: str, sensor: int, value: int, ms: list[int], before: list[int]) -> None:
        if word == "pwr":
            self.powers[sensor].append(value)
            return
        self.told[sensor].append(value)
        if value != before[sensor]:
            self.counters[sensor].append(value)
            self.ms[sensor] += ms
            before[sensor] = value


@pytest.fixture
def heard() -> Hear:
    """Return what sorts lines; it remembers the counters from one call to the next, START before the first."""
    before = list(START)
    return lambda lines: Heard(lines, before)
