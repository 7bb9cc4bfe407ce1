"""What the board says: the v1 lines to the character, once a second, never torn."""

from __future__ import annotations

import re
from collections.abc import Callable

from fluksosim.board import Board
from tests.avr.hearing import IDS, START, Hear

COUNTER = re.compile(r"pls [0-9a-f]{32}:\d{10}")
PULSE = re.compile(r"pls [0-9a-f]{32}:\d{10}:\d{10}")
POWER = re.compile(r"pwr [0-9a-f]{32}:\d{10}")


def test_every_line_is_one_of_the_v1_lines(board: Board) -> None:
    board.clamp_watts(0, 9000)
    board.clamp_watts(1, 1500)
    board.run_for(0.1)
    for _ in range(10):
        board.pulse(0)
        board.pulse(1)
    lines = board.run_for(10)
    assert all(
        (len(line.text) == 47 and (COUNTER.fullmatch(line.text) or POWER.fullmatch(line.text)))
        or (len(line.text) == 58 and PULSE.fullmatch(line.text))
        for line in lines[1:]
    ), lines
    assert {line.text[:36] for line in lines[1:]} == {f"pls {i}" for i in IDS} | {f"pwr {i}" for i in IDS[:2]}
    assert {line.text[4:36] for line in lines if len(line.text) == 58} == set(IDS[2:])


def test_the_first_line_is_empty_and_ends_what_a_reset_has_torn(board: Board) -> None:
    board.clamp_watts(0, 9000)
    assert board.run_for(2)[0].text == ""
    sent = b""
    while not 5 < len(sent.rpartition(b"\n")[2]) < 40:  # into the middle of a line
        board.run_for(0.005)
        sent += board.take_bytes()
    board.restart()
    first, second, *_ = board.run_for(2)
    assert len(first.text) < 47
    assert len(second.text) in (47, 58)


def test_powers_come_once_a_second_for_both_clamps_in_order(board: Board) -> None:
    board.clamp_watts(0, 1000)
    board.clamp_watts(1, 500)
    board.run_for(1.5)
    powers = [line for line in board.run_for(20) if line.text.startswith("pwr")]
    assert [line.text[4:36] for line in powers] == [IDS[0], IDS[1]] * 20
    gaps = [later.time_s - earlier.time_s for earlier, later in zip(powers, powers[2:], strict=False)]
    assert max(gaps) < 1.2
    assert min(gaps) > 0.8


def test_counters_count_on_from_the_eeprom(board: Board, heard: Hear) -> None:
    board.clamp_watts(0, 7200)
    board.run_for(0.1)
    board.pulse(0)
    board.pulse(1)
    said = heard(board.run_for(5))
    assert said.counters[0] == list(range(START[0] + 1, START[0] + 1 + len(said.counters[0])))
    assert len(said.counters[0]) in (9, 10)
    assert said.counters[2] == [START[2] + 1]
    assert said.counters[3] == [START[3] + 10]  # one pulse is 10 L


def test_the_ms_clock_is_the_boards_and_never_0(board: Board, heard: Hear) -> None:
    board.run_for(0.5)
    start = board.pulse(0)
    board.run_for(2)
    again = board.pulse(0)
    said = heard(board.run_for(1))
    assert len(said.ms[2]) == 1  # the first line went by above
    assert again - start > 0
    board.restart()
    board.run_for(0.02)
    at_once = board.pulse(0)
    restarted = heard(board.run_for(1))
    assert 1 <= restarted.ms[2][0] < 100, at_once
    assert abs(said.ms[2][0] - again * 1000) < 60


def test_a_counter_without_news_is_told_after_power_up_and_every_10_s(board: Board, heard: Hear) -> None:
    """A daemon that starts later knows every counter soon; a repetition is no pulse: its clock stays."""
    lines = board.run_for(3)
    assert [told[0] for told in heard(lines).told] == list(START)
    assert f"pls {IDS[2]}:{START[2]:010}:{1:010}" in [line.text for line in lines]  # 1 before the first pulse
    board.pulse(0)
    first = heard(board.run_for(2))
    ms = first.ms[2][0]
    lines = board.run_for(40)
    said = heard(lines)
    assert said.counters == [[], [], [], []]
    assert [len(told) for told in said.told] == [4, 4, 4, 4]
    assert {line.text for line in lines if line.text.startswith(f"pls {IDS[2]}")} == {
        f"pls {IDS[2]}:{START[2] + 1:010}:{ms:010}"
    }


def test_lines_that_do_not_fit_are_left_out_whole_and_the_newest_counter_wins(board: Board, heard: Hear) -> None:
    """Both pulse inputs at 50 Hz would need 5800 characters a second; the link carries 436."""
    board.run_for(1)
    for _ in range(100):
        board.pulse(0, 0.01, 0.01, 0)
        board.pulse(1, 0.01, 0.01, 0)
    lines = board.run_for(4)
    assert all(len(line.text) in (47, 58) for line in lines)
    said = heard(lines)
    assert said.counters[2][-1] == START[2] + 100
    assert said.counters[3][-1] == START[3] + 1000
    assert len(said.counters[2]) < 40
    for counters in said.counters:
        assert counters == sorted(set(counters))
    assert abs(len(said.counters[2]) - len(said.counters[3])) <= 2  # neither starves the other
    assert len(said.powers[0]) in (3, 4)  # nor the powers


def test_a_board_without_ids_says_so_each_second_and_counts_on(make_board: Callable[..., Board], image: bytes) -> None:
    board = make_board(eeprom=b"\xff" * 512)
    board.clamp_watts(0, 3600)
    lines = board.run_for(10)
    assert [line.text for line in lines] == [""] + ["msg NO SENSOR IDS"] * 9
    board.power_cut(hold_up_s=0.2)
    provisioned = image[:96] + board.eeprom[96:]
    board.load_eeprom(provisioned)
    board.power_on()
    board.clamp_watts(0, 3600)
    counted = [line.text for line in board.run_for(3) if line.text.startswith("pls")]
    assert counted[0] == f"pls {IDS[0]}:{10:010}" or counted[0] == f"pls {IDS[0]}:{11:010}"


def test_damaged_ids_count_as_none(make_board: Callable[..., Board], image: bytes) -> None:
    damaged = bytearray(image)
    damaged[10] ^= 1
    board = make_board(eeprom=bytes(damaged))
    assert {line.text for line in board.run_for(3)} == {"", "msg NO SENSOR IDS"}


def test_the_original_router_needs_20_s_of_silence_at_power_up(make_board: Callable[..., Board], heard: Hear) -> None:
    board = make_board(power_up_silence_s=20)
    board.clamp_watts(0, 3600)
    assert board.run_for(19.9) == []
    assert board.take_bytes() == b""
    lines = board.run_for(2)
    assert lines[0].text == ""
    said = heard(lines)
    assert said.counters[0][0] in (START[0] + 19, START[0] + 20)  # it counted meanwhile


def test_the_line_runs_at_4800_baud(board: Board) -> None:
    """UBRR0 for 8 MHz is 103, 8N1, transmitter only: 10 bit times for a character."""
    lines = board.run_for(3.5)
    assert board.peek(0xC4) | board.peek(0xC5) << 8 == 103
    assert board.peek(0xC2) == 0x06
    assert board.peek(0xC1) & 0x18 == 0x08
    powers = [line for line in lines if line.text.startswith("pwr")]
    assert abs(powers[1].time_s - powers[0].time_s - 48 * 10 / 4800) < 0.002
