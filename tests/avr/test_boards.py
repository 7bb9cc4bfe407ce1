"""The boards with a v1 link other than v1_1 count and tell the same lines. Board v2_0 has tests of its own."""

from __future__ import annotations

import pytest

from fluksosim.board import Board
from fluksosim.board_header import BoardHeader
from fluksosim.eeprom_image import FactorySensor, fresh_image
from fluksosim.house import HOUSE
from tests.avr.hearing import IDS, START, Hear


@pytest.mark.parametrize("name", ["v0_1", "uno"])
def test_it_counts_pulses_and_tells_v1_lines(name: str, heard: Hear) -> None:
    header = BoardHeader(name)
    constant = header.number("METERCONST_DEFAULT")
    weights = [constant, constant, HOUSE[2].weight, HOUSE[3].weight]
    sensors = [FactorySensor(sensor_id, weight) for sensor_id, weight in zip(IDS, weights, strict=True)]
    with Board(name, eeprom=fresh_image(header, sensors, START)) as board:
        board.clamp_watts(0, 3600)
        board.run_for(0.5)
        for _ in range(10):
            board.pulse(0)
            board.pulse(1)
        lines = board.run_for(10)
        assert all(len(line.text) in (47, 58) for line in lines), lines
        said = heard(lines)
        assert said.counters[2][-1] == START[2] + 10
        assert said.counters[3][-1] == START[3] + 100
        assert said.counters[0][-1] - START[0] in (9, 10, 11)
        assert said.powers[0][-1] == pytest.approx(3600, rel=0.01)
        assert set(said.powers[1]) == {0}
