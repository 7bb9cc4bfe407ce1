"""Pulse inputs: each pulse once, whatever the contacts do."""

from __future__ import annotations

from collections.abc import Callable

from fluksosim.board import Board
from fluksosim.board_header import BoardHeader
from fluksosim.eeprom_image import factory_block, read_factory
from tests.avr.hearing import START, Hear


def test_bounce_at_both_edges_counts_once_each(board: Board, heard: Hear) -> None:
    board.run_for(0.1)
    for _ in range(200):
        board.pulse(0, 0.03, 0.03, bounce_s=0.001)
    said = heard(board.run_for(200 * 0.06 + 1))
    assert said.counters[2][-1] == START[2] + 200


def test_50_hz_on_both_inputs_with_bounce_while_the_clamps_are_busy(board: Board, heard: Hear) -> None:
    board.clamp_watts(0, 11000)
    board.clamp_watts(1, 11000)
    board.run_for(0.1)
    for _ in range(1000):
        board.pulse(0, 0.01, 0.01, bounce_s=0.001)
        board.pulse(1, 0.01, 0.01, bounce_s=0.001)
    said = heard(board.run_for(20 + 2))
    assert said.counters[2][-1] == START[2] + 1000
    assert said.counters[3][-1] == START[3] + 10000


def test_spikes_count_nothing(board: Board, heard: Hear) -> None:
    board.run_for(0.1)
    for i in range(100):
        at = board.time_s + 0.01 * i
        board.contact(0, True, at)
        board.contact(0, False, at + 0.0015)
    assert heard(board.run_for(2)).counters[2] == []


def test_a_contact_that_stays_closed_counts_once(board: Board, heard: Hear) -> None:
    board.run_for(0.1)
    board.contact(0, True)
    said = heard(board.run_for(20))
    assert said.counters[2] == [START[2] + 1]
    board.contact(0, False)
    assert heard(board.run_for(2)).counters[2] == []


def test_a_contact_closed_at_power_up_counts_nothing_until_it_has_opened(board: Board, heard: Hear) -> None:
    """It may have been counted before the power went."""
    board.contact(1, True)
    assert heard(board.run_for(2)).counters[3] == []
    board.contact(1, False)
    board.run_for(0.1)
    board.pulse(1)
    assert heard(board.run_for(1)).counters[3] == [START[3] + 10]


def test_the_debounce_time_is_settable(
    make_board: Callable[..., Board], header: BoardHeader, image: bytes, heard: Hear
) -> None:
    """40 ms in the factory block: pulses of 30 ms are noise, of 60 ms are not."""
    factory = read_factory(image, header)
    assert factory is not None
    block = factory_block(factory, debounce_ms=40)
    board = make_board(eeprom=block + image[len(block) :])
    board.run_for(0.2)
    for low in (0.03, 0.06, 0.03, 0.06):
        board.pulse(0, low, 0.1)
    assert heard(board.run_for(2)).counters[2][-1] == START[2] + 2
