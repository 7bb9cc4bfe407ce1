"""Faults that the firmware lives with: stuck converters, extreme constants, wrapping clocks, noise, haste."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from bench.avr.main_board import PollingMainBoard
from bench.avr.provisioned import provisioned_image
from bench.avr.size import address_of
from fluksosim.board import Board
from fluksosim.board_header import BoardHeader
from fluksosim.build import build
from fluksosim.spi_link import SpiLink, framed
from fluksosim.waveform import Waveform
from tests.avr.hearing import START, Hear

WRAP = 2**32
FRAME_ANSWERED = 3  # enum control of avr/src/frame.h; `control` is the first member of the frame


@pytest.fixture
def polled() -> Iterator[tuple[Board, SpiLink]]:
    """A board v2_0 that its main board has set up."""
    with Board("v2_0") as board:
        PollingMainBoard(board)
        yield board, SpiLink(board)


def _counter(link: SpiLink, sensor: int) -> int:
    return int(link.control(f"gc{sensor:02x}")[4:], 16)


def _set_clock(board: Board, name: str, ms: int) -> None:
    address = address_of("clock_ms", build(name).firmware_hex.with_suffix(".elf"))
    for i, byte in enumerate(ms.to_bytes(4, "little")):
        board.poke(address + i, byte)


def test_pulses_count_while_the_boards_clock_wraps_on_the_line(board: Board, heard: Hear) -> None:
    """After 49.7 days the clock starts again; what a line tells of it is right modulo 2^32."""
    board.run_for(1)
    _set_clock(board, "v1_1", WRAP - 900)
    for _ in range(18):
        board.pulse(0, 0.05, 0.05)
    said = heard(board.run_for(3))
    assert said.counters[2][-1] == START[2] + 18
    steps = [(later - earlier) % WRAP for earlier, later in zip(said.ms[2], said.ms[2][1:], strict=False)]
    assert said.ms[2][0] > WRAP - 1000
    assert said.ms[2][-1] < 1000
    assert all(step % 100 in (0, 1, 99) for step in steps), steps


def test_pulses_count_while_the_boards_clock_wraps_over_spi(polled: tuple[Board, SpiLink]) -> None:
    board, link = polled
    before = _counter(link, 3)
    _set_clock(board, "v2_0", WRAP - 250)
    clocks = []
    for _ in range(5):
        board.pulse(0, 0.05, 0.05)
        board.run_for(0.12)
        clocks += [record.extra for record in link.changes() if record.sensor == 3]
    assert _counter(link, 3) == before + 5
    assert clocks[0] > WRAP - 1000
    assert clocks[-1] < 1000


@pytest.mark.parametrize("constant", [0, 1, 5163, 65535])
@pytest.mark.parametrize("stuck_at", [0, 1, 512, 1023])
def test_a_stuck_converter_and_any_meter_constant_are_metered_without_overflow(
    polled: tuple[Board, SpiLink], constant: int, stuck_at: int
) -> None:
    """A mean of `stuck_at` steps is `stuck_at` x constant x 9 / 3750 W; a step is the creep threshold."""
    board, link = polled
    link.control(f"sm00{constant:04x}")
    link.control("sc0000000000")
    board.clamp_waveform(0, Waveform(0, offset=stuck_at, noise=0))
    board.run_for(1.5)
    link.changes()
    before, began = _counter(link, 0), board.time_s
    board.run_for(5)
    watts = next(record.extra for record in link.changes() if record.sensor == 0)
    assert watts == pytest.approx(stuck_at * constant * 9 / 3750, abs=1)
    energy = watts * (board.time_s - began) / 3600
    assert _counter(link, 0) - before == pytest.approx(energy, rel=0.02, abs=1.1)


@pytest.mark.parametrize("stuck_at", [-512, -200, 0, 511])
def test_a_stuck_converter_of_the_biased_front_end_reads_0(stuck_at: int) -> None:
    """A constant is all offset and no alternating current."""
    header = BoardHeader("uno")
    with Board("uno", eeprom=provisioned_image(header)) as board:
        board.clamp_waveform(0, Waveform(0, offset=stuck_at, noise=0))
        board.clamp_waveform(1, Waveform(5000))
        lines = board.run_for(8)
    powers = [int(line.text[-10:]) for line in lines if line.text.startswith(f"pwr {1:032x}")]
    others = [int(line.text[-10:]) for line in lines if line.text.startswith(f"pwr {2:032x}")]
    assert set(powers) == {0}
    assert others[-1] == pytest.approx(5000, rel=0.005)


def test_noise_on_the_bus_harms_neither_the_link_nor_the_bytes_after_it(polled: tuple[Board, SpiLink]) -> None:
    """More bytes than there is room for, breaks among them: the rest is lost, as on any wire, and nothing else."""
    board, link = polled
    dice = random.Random(5)
    for _ in range(5):
        board.uart_receive(bytes(dice.choice((0, dice.randrange(256))) for _ in range(300)))
        board.pulse(0, 0.01, 0.01, 0.001)
        board.run_for(0.05)
        assert link.control("gh") == "gh000200"
    board.run_for(0.1)
    link.read()
    link.read()
    link.bus.clear()
    board.uart_receive(b"/ISk5 telegram")
    board.run_for(0.01)
    assert link.poll() == b"/ISk5 telegram"


@pytest.mark.parametrize("gap_us", [50, 20, 10, 4])
def test_a_hasty_main_board_is_understood_or_refused_and_the_next_question_is_answered(
    polled: tuple[Board, SpiLink], gap_us: int
) -> None:
    """The original leaves at least 50 us between bytes. Below that bytes may be lost, the link never is."""
    board, link = polled
    for cell in range(5):
        board.spi(framed(f"sm05{cell:04x}").encode() + b"\0\0", gap_s=gap_us * 1e-6)
        board.run_for(0.005)
        hasty = board.spi(b"\0" * 20, gap_s=gap_us * 1e-6)
        if gap_us >= 50:
            assert hasty.startswith(framed(f"sm05{cell:04x}").encode())
        link.read()
        link.read()
        assert link.control("gs") == "gs0100"


@pytest.mark.parametrize("lost", range(9))
def test_a_byte_lost_in_a_question_or_an_answer_costs_that_question_only(
    polled: tuple[Board, SpiLink], lost: int
) -> None:
    board, link = polled
    question = framed("sw0007").encode()
    before = link.control("gw")
    board.spi(question[:lost] + question[lost + 1 :] + b"\0\0")
    board.run_for(0.005)
    heard = link.read()
    assert heard in (b"lu", b"") or heard[1:3] in (b"zz", b"zy"), heard
    link.read()
    assert link.control("gw") == before
    board.spi(framed("gw").encode() + b"\0\0")
    board.run_for(0.005)
    board.spi(b"\0" * lost)  # the main board stops in the middle of the answer
    assert link.control("gw") == before


def test_every_command_is_answered_within_the_wait_of_the_original_main_board(polled: tuple[Board, SpiLink]) -> None:
    """5 ms (`ct`: 500 ms) while pulses bounce, clamps are sampled and a checkpoint is being written to the EEPROM."""
    board, link = polled
    control = address_of("frame", build("v2_0").firmware_hex.with_suffix(".elf"))

    def answered_after(message: str, longest_s: float) -> float:
        board.pulse(0, 0.004, 0.004, 0.001)
        link.send(framed(message))
        began = board.time_s
        while board.peek(control) != FRAME_ANSWERED:
            assert board.time_s - began < longest_s, message
            board.run_for(0.0001)
        waited = board.time_s - began
        link.read()
        return waited

    for clamp in range(3):
        board.clamp_watts(clamp, 9000)
    commands = ("gh", "gs", "ge03", "gp", "gc00", "gm00", "gf04", "gw", "gb", "gk", "gi", "gt", "gd")
    commands += ("se0501", "sp00010203ffff", "sm050001", "sf050001", "sw0000", "sb0000", "sk010000", "siff", "st03")
    waits = []
    for message in commands:
        link.control("sc0500000001")  # has the counters saved: the EEPROM is busy now
        waits.append(answered_after(message, 0.005))
    assert max(waits) < 0.005
    assert answered_after("ct", 0.5) > 0.02  # and it is really written first


def test_the_counter_wraps_over_spi(polled: tuple[Board, SpiLink]) -> None:
    """Trap 10."""
    board, link = polled
    assert link.control("sc03fffffffe") == "sc03fffffffe"
    board.run_for(0.5)
    told = []
    for _ in range(4):
        board.pulse(0, 0.02, 0.02)
        board.run_for(0.1)
        told += [record.counter for record in link.changes() if record.sensor == 3]
    assert told == [WRAP - 1, 0, 1, 2]
