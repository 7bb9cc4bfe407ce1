"""What the tests of the sensor board share: a provisioned EEPROM and boards that are closed again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fluksosim.board import Board
from fluksosim.board_header import BoardHeader
from fluksosim.build import build
from fluksosim.eeprom_image import FactorySensor, fresh_image
from fluksosim.house import HOUSE
from tests.avr.hearing import IDS, START, Hear, Heard
from tests.unhurried import take_your_time

take_your_time()


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


@pytest.fixture
def heard() -> Hear:
    """Return what sorts lines; it remembers the counters from one call to the next, START before the first."""
    before = list(START)
    return lambda lines: Heard(lines, before)
