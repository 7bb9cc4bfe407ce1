"""Clamps: energy against the exact integral, power, open inputs, the limits of the range."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fluksosim.board import WATTS_PER_STEP, Board
from fluksosim.board_header import BoardHeader
from fluksosim.eeprom_image import FactorySensor, fresh_image, read_log
from tests.avr.hearing import START, Hear

FULL_RANGE_W = 11500


def _counted_wh(board: Board, header: BoardHeader, clamp: int) -> float:
    """Cut the power with a warning: the record then holds the counter to a thousandth."""
    board.power_cut(hold_up_s=0.2)
    record = read_log(board.eeprom, header)
    assert record is not None
    return record.units[clamp] - START[clamp] + record.milli[clamp] / 1000


@pytest.mark.parametrize(("percent", "seconds"), [(1, 120), (3, 60), (30, 30), (100, 30)])
def test_energy_of_a_steady_load_is_its_integral(
    board: Board, header: BoardHeader, percent: int, seconds: float
) -> None:
    watts = FULL_RANGE_W * percent / 100
    board.clamp_watts(0, watts)
    board.clamp_watts(1, watts)
    board.run_for(seconds)
    board.power_cut(hold_up_s=0.2)
    record = read_log(board.eeprom, header)
    assert record is not None
    for clamp in (0, 1):
        counted = record.units[clamp] - START[clamp] + record.milli[clamp] / 1000
        assert counted == pytest.approx(watts * seconds / 3600, rel=0.002)


@pytest.mark.parametrize("hertz", [49.5, 50.03, 60])
def test_the_mains_frequency_does_not_matter(board: Board, header: BoardHeader, hertz: float) -> None:
    board.mains_hz(hertz)
    board.clamp_watts(0, 2300)
    board.run_for(30)
    assert _counted_wh(board, header, 0) == pytest.approx(2300 * 30 / 3600, rel=0.002)


def test_a_changing_load_adds_up(board: Board, header: BoardHeader) -> None:
    joules = 0.0
    for watts, seconds in [(90, 20), (2290, 3.3), (90, 0.7), (450, 11), (6000, 1.9), (0, 5), (90, 20)]:
        board.clamp_watts(0, watts)
        board.run_for(seconds)
        joules += watts * seconds
    assert _counted_wh(board, header, 0) == pytest.approx(joules / 3600, rel=0.003)


def test_power_follows_the_load_within_two_seconds(board: Board, heard: Hear) -> None:
    board.clamp_watts(0, 90)
    board.run_for(3)
    board.clamp_watts(0, 2290)
    said = heard(board.run_for(4))
    assert said.powers[0][-1] == pytest.approx(2290, abs=3)
    assert said.powers[0][2] == pytest.approx(2290, abs=3)


@pytest.mark.parametrize(("noise", "offset"), [(0.0, 0.0), (0.4, 0.0), (1.0, 0.0), (0.4, 0.5)])
def test_an_open_clamp_reads_0_and_counts_nothing(
    board: Board, header: BoardHeader, heard: Hear, noise: float, offset: float
) -> None:
    board.clamp_watts(0, 0, noise, offset)
    board.clamp_watts(1, 2000)
    said = heard(board.run_for(60))
    assert set(said.powers[0]) == {0}
    assert said.counters[0] == []
    assert _counted_wh(board, header, 0) == 0


def test_a_load_of_2_permille_is_not_taken_for_an_open_clamp(board: Board, heard: Hear) -> None:
    board.clamp_watts(0, 0.002 * FULL_RANGE_W)
    said = heard(board.run_for(10))
    assert said.powers[0][-1] == pytest.approx(23, abs=2)


def test_beyond_the_range_it_stays_at_the_top(board: Board, heard: Hear) -> None:
    board.clamp_watts(0, 30000)
    said = heard(board.run_for(5))
    assert said.powers[0][-1] == round(1023 * WATTS_PER_STEP)


def test_the_meter_constant_of_the_factory_block_counts(
    make_board: Callable[..., Board], header: BoardHeader, heard: Hear
) -> None:
    sensors = [
        FactorySensor(f"{i}" * 32, weight, milli)
        for i, weight, milli in ((1, 11016, 0), (2, 0, 0), (3, 2, 500), (4, 0, 125))
    ]
    board = make_board(eeprom=fresh_image(header, sensors, (0, 0, 0, 0)))
    board.clamp_watts(0, 1000)
    board.clamp_watts(1, 1000)
    board.run_for(0.5)
    for _ in range(9):
        board.pulse(0)
        board.pulse(1)
    lines = board.run_for(10)
    assert any(line.text == f"pwr {'1' * 32}:{2000:010}" for line in lines)  # a 100 A clamp
    assert any(line.text == f"pwr {'2' * 32}:{0:010}" for line in lines)
    board.power_cut(hold_up_s=0.2)
    record = read_log(board.eeprom, header)
    assert record is not None
    assert (record.units[2], record.milli[2]) == (22, 500)
    assert (record.units[3], record.milli[3]) == (1, 125)
