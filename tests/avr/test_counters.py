"""Counters that survive: restarts, power cuts with and without warning, watchdog, brown-out, worn and torn EEPROM."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

import pytest

from fluksosim.board import Board, Line
from fluksosim.board_header import BoardHeader
from fluksosim.eeprom_image import CounterRecord, encode_record, fresh_image, read_factory, read_log
from tests.avr.hearing import IDS, START, Hear

TIMSK2 = 0x70
HOLD_UP_S = 0.2


def _load(board: Board, watts: float = 8000) -> None:
    board.clamp_watts(0, watts)
    board.clamp_watts(1, watts / 2)


def _last_told(lines: list[Line], before: tuple[int, ...] | list[int]) -> list[int]:
    told = list(before)
    for line in lines:
        if line.text.startswith("pls ") and len(line.text) in (47, 58):
            told[IDS.index(line.text[4:36])] = int(line.text[37:47])
    return told


def test_a_restart_loses_nothing_and_repeats_nothing(board: Board, heard: Hear) -> None:
    """SRAM survives a reset: the counters go on exactly where they were, fractions included."""
    _load(board)
    for _ in range(10):
        before = board.time_s
        said = heard(board.run_for(1.7))
        assert all(counters == sorted(counters) for counters in said.counters)
        board.restart()
        assert board.time_s - before < 1.8
    board.run_for(1)
    heard(board.power_cut(HOLD_UP_S))
    record = read_log(board.eeprom, BoardHeader("v1_1"))
    assert record is not None
    # Only the tenth of a second that was being gathered at each restart may be missing.
    counted = record.units[0] - START[0] + record.milli[0] / 1000
    whole = 8000 * board.time_s / 3600
    assert whole - 11 * 8000 * 0.2 / 3600 < counted <= whole


def test_a_warned_power_cut_keeps_the_counter_to_a_thousandth(board: Board, header: BoardHeader, heard: Hear) -> None:
    _load(board)
    board.run_for(0.1)
    board.pulse(0)
    told = heard(board.run_for(9)).counters
    board.power_cut(HOLD_UP_S)
    kept = read_log(board.eeprom, header)
    assert kept is not None
    assert kept.reserve == (0, 0, 0, 0)
    assert kept.units[0] >= told[0][-1]
    assert kept.units[2] == START[2] + 1
    board.power_on()
    said = heard(board.run_for(5))
    assert said.counters[0][0] in (kept.units[0], kept.units[0] + 1)
    assert said.counters[0][0] >= told[0][-1]
    assert "COUNTERS FROM CHECKPOINT" not in said.messages


def test_the_save_at_power_loss_fits_the_hold_up_of_the_original_board(board: Board, header: BoardHeader) -> None:
    """The original writes 16 bytes of 3.4 ms each, so its capacitor lasts at least 54 ms; ours needs no erase."""
    _load(board)
    board.run_for(30)
    before = read_log(board.eeprom, header)
    board.power_cut(0.065)
    saved = read_log(board.eeprom, header)
    assert saved is not None
    assert before is not None
    assert saved.sequence == (before.sequence + 1) % 256
    assert saved.reserve == (0, 0, 0, 0)


def test_an_unwarned_cut_never_goes_back_on_the_wire(make_board: Callable[..., Board], heard: Hear) -> None:
    """It counts on from the last checkpoint but is silent until it has passed what it may have sent."""
    board = make_board()
    _load(board, 11000)
    told = _last_told(board.run_for(20), START)
    board.power_cut()
    board.power_on()
    _load(board, 11000)
    lines = board.run_for(20)
    assert "msg COUNTERS FROM CHECKPOINT" in [line.text for line in lines]
    assert _last_told(lines, told)[0] == told[0]  # held back
    assert any(line.text.startswith(f"pwr {IDS[0]}") for line in lines)  # but not silent
    heard(lines)
    while not (counters := [line for line in lines if line.text.startswith(f"pls {IDS[0]}")]):
        assert board.time_s < 3600
        lines = board.run_for(30)
    assert int(counters[0].text[37:47]) >= told[0]


@pytest.mark.parametrize("seed", range(4))
def test_random_cuts_of_every_kind_never_send_a_smaller_counter(make_board: Callable[..., Board], seed: int) -> None:
    """Supply ramps, cuts at once, cuts in the middle of an EEPROM byte, restarts, dips, at random times."""
    dice = random.Random(seed)  # the seed in the test's name replays it
    board = make_board(seed=seed + 1)
    told = list(START)
    for _ in range(12):
        _load(board, dice.choice([0, 3000, 9000]))
        lines = board.run_for(0.3)
        for _ in range(dice.randrange(3)):
            board.pulse(0, 0.03, 0.03)
        kind = dice.choice(["ramp", "short ramp", "at once", "in a byte", "restart", "dip"])
        if kind == "in a byte":
            board.cut_at_operation(board.eeprom_operations + dice.randrange(1, 90))
        lines += board.run_for(dice.uniform(0.05, 4))
        if kind == "ramp":
            lines += board.power_cut(HOLD_UP_S)
        elif kind == "short ramp":
            lines += board.power_cut(dice.uniform(0.002, 0.06))
        elif kind == "at once":
            lines += board.power_cut()
        elif kind == "restart":
            board.restart()
        elif kind == "dip":
            board.supply_volts(4.6)
            lines += board.run_for(dice.uniform(0.001, 0.4))
            board.supply_volts(5.0)
        for line in lines:
            now = _last_told([line], told)
            assert all(new >= old for new, old in zip(now, told, strict=True)), (kind, line)
            told = now
        if not board.powered:
            board.power_on()


def test_a_cut_after_every_single_eeprom_byte_of_a_save(image: bytes, header: BoardHeader) -> None:
    """As the save at power loss is torn at each of its bytes, the counter is that of before or the new one."""
    with Board(eeprom=image) as reference:
        _load(reference)
        reference.run_for(5)
        before = read_log(reference.eeprom, header)
        first = reference.eeprom_operations
        reference.power_cut(HOLD_UP_S)
        last = reference.eeprom_operations
        after = read_log(reference.eeprom, header)
    assert before is not None
    assert after is not None
    assert 10 < last - first <= 31
    outcomes = set()
    for operation in range(first + 1, last + 1):
        with Board(eeprom=image) as board:
            _load(board)
            board.run_for(5)
            board.cut_at_operation(operation)
            board.power_cut(HOLD_UP_S)
            torn = read_log(board.eeprom, header)
            assert torn is not None
            assert torn.units in (before.units, after.units)
            outcomes.add(torn.units)
            board.power_on()
            board.run_for(1.5)  # a torn slot disturbs nothing
            assert read_log(board.eeprom, header) is not None
    assert before.units in outcomes


def test_at_most_one_checkpoint_interval_is_lost_without_warning(board: Board, header: BoardHeader) -> None:
    _load(board, 11000)
    board.run_for(100)
    board.power_cut()
    record = read_log(board.eeprom, header)
    assert record is not None
    assert board.header.number("SENSOR_COUNT") == len(record.units)
    counted = 11000 * board.time_s / 3600
    interval_wh = 11000 * 900 / 3600
    assert counted - (record.units[0] - START[0]) <= interval_wh
    board.power_on()
    board.power_cut()
    again = read_log(board.eeprom, header)
    assert again is not None
    assert again.units == record.units  # cut again at once: nothing more is lost


def test_a_hung_firmware_is_restarted_by_the_watchdog_and_says_so(
    board: Board, header: BoardHeader, heard: Hear
) -> None:
    _load(board)
    before = heard(board.run_for(5))
    board.poke(TIMSK2, 0)  # the tick stops, so nothing feeds the watchdog any more
    silent = board.run_for(1.5)
    assert silent == []
    after = heard(board.run_for(4))
    assert board.resets == 2
    assert after.messages[0] == "WDT"
    assert after.counters[0][0] > before.counters[0][-1]
    assert after.counters[0] == sorted(after.counters[0])
    board.power_cut(HOLD_UP_S)
    record = read_log(board.eeprom, header)
    assert record is not None
    assert record.watchdogs == 1


def test_a_dip_says_brown_out_and_loses_nothing(board: Board, header: BoardHeader, heard: Hear) -> None:
    _load(board)
    board.run_for(5)
    board.supply_volts(4.6)
    board.run_for(0.3)
    board.supply_volts(5.0)
    said = heard(board.run_for(4))
    assert said.messages == ["BROWN-OUT"]
    seconds = board.time_s
    board.power_cut(HOLD_UP_S)
    record = read_log(board.eeprom, header)
    assert record is not None
    assert record.brown_outs == 2
    counted = record.units[0] - START[0] + record.milli[0] / 1000
    # Only while it writes the record, up to 0.1 s, it does not look at its clamps.
    assert 8000 * (seconds - 0.12) / 3600 < counted < 8000 * (seconds + 0.02) / 3600


def test_a_lasting_sag_does_not_silence_the_board(board: Board, heard: Hear) -> None:
    _load(board)
    board.run_for(3)
    board.supply_volts(4.6)
    board.run_for(2.5)
    assert len(heard(board.run_for(5)).powers[0]) == 5


def test_in_a_lasting_sag_a_minute_is_lost_at_most_when_the_supply_dies_soon(board: Board, header: BoardHeader) -> None:
    """Below its threshold already, the comparator has no edge to give then."""
    _load(board)
    board.run_for(3)
    board.supply_volts(4.6)
    board.run_for(66)
    at_a_minute = read_log(board.eeprom, header)
    board.run_for(50)
    board.power_cut()
    record = read_log(board.eeprom, header)
    assert record is not None
    assert at_a_minute == record
    lost = 8000 * board.time_s / 3600 - (record.units[0] - START[0])
    assert lost < 8000 * 60 / 3600 * 1.05


def test_counters_wrap_at_32_bits(make_board: Callable[..., Board], image: bytes, header: BoardHeader) -> None:
    """Trap 10: the counter is absolute and wraps; nothing before or after the wrap is held back."""
    factory = read_factory(image, header)
    assert factory is not None
    board = make_board(eeprom=fresh_image(header, factory, (2**32 - 3, 0, 2**32 - 2, 2**32 - 15)))
    _load(board)
    board.run_for(0.1)
    for _ in range(4):
        board.pulse(0)
        board.pulse(1)
    lines = board.run_for(6)
    wrapped = [int(line.text[37:47]) for line in lines if line.text.startswith(f"pls {IDS[0]}")]
    assert wrapped[:2] == [2**32 - 3, 2**32 - 2] or wrapped[:2] == [2**32 - 2, 2**32 - 1]
    assert wrapped[-1] in (9, 10, 11)
    last = _last_told(lines, [0] * 4)
    assert last[2] == 2
    assert last[3] == 25
    board.power_cut(HOLD_UP_S)
    board.power_on()
    _load(board)
    assert _last_told(board.run_for(3), [0] * 4)[0] >= wrapped[-1]


def test_a_record_of_the_python_side_is_what_the_firmware_reads(
    make_board: Callable[..., Board], image: bytes, header: BoardHeader
) -> None:
    record = CounterRecord(77, (11, 22, 33, 44), (999, 1, 0, 500), (0, 0, 0, 0), 5, 6)
    start = header.number("LOG_START")
    encoded = encode_record(record)
    prepared = image[:start] + b"\xff" * len(encoded) + encoded + image[start + 2 * len(encoded) :]
    assert read_log(prepared, header) == record
    board = make_board(eeprom=prepared)
    told = _last_told(board.run_for(2), [0] * 4)
    assert told == [11, 22, 33, 44]
    board.power_cut(HOLD_UP_S)
    saved = read_log(board.eeprom, header)
    assert saved is not None
    assert (saved.sequence, saved.watchdogs, saved.brown_outs) == (78, 5, 7)
    assert saved.milli == (999, 1, 0, 500)


def test_flash_and_ram_with_the_deepest_stack_stay_within_bounds(board: Board, header: BoardHeader) -> None:
    """The whole of SRAM below the stack is painted; what is never touched, neither data nor stack needed."""
    top, paint = 0x4FF, 0xC5
    board.power_cut()
    board.power_on()
    for address in range(0x100, top + 1):
        board.poke(address, paint)
    _load(board)
    board.run_for(3)
    for _ in range(20):
        board.pulse(0, 0.01, 0.01)
        board.pulse(1, 0.01, 0.01)
    board.run_for(5)
    board.supply_volts(4.6)
    board.run_for(0.2)
    board.supply_volts(5)
    board.run_for(3)
    memory = bytes(board.peek(address) for address in range(0x100, top + 1))
    untouched = max(len(run) for run in re.findall(bytes((paint,)) + b"+", memory))
    assert len(memory) - untouched <= header.number("BOARD_RAM_LIMIT")


def test_writing_the_eeprom_takes_its_time_and_wears_evenly(board: Board) -> None:
    """The simulator's own promise: 1.8 or 3.4 ms a byte, and an operation count for each."""
    _load(board)
    board.run_for(5)
    wear = board.eeprom_wear()
    assert sum(wear) == board.eeprom_operations
    assert max(wear) <= 2
    assert sum(wear[: board.header.number("LOG_START")]) == 0  # the factory block is never written
