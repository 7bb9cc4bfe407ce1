"""The VCD trace shows what happened on the board, when it happened."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from fluksosim.board import Board
from fluksosim.board_header import AVR_FOLDER, BoardHeader
from fluksosim.spi_link import SpiLink
from tests.avr import vcd
from tests.documented import Page

CYCLE_NS = 125  # at 8 MHz


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where to write the trace."""
    return tmp_path / "board.vcd"


def rises(changes: vcd.Changes) -> list[int]:
    return [ns for ns, value in changes[1:] if value]


def test_a_pulse_is_where_it_was(board: Board, file: Path) -> None:
    board.run_for(0.1)
    board.pulse(0, 0.01)
    board.run_for(2.3)  # a checkpoint is safe and the line is free: the next counter is told at once
    board.contact(0, True, at_s=2.45)
    board.contact(0, False, at_s=2.48)
    with board.trace(file):
        board.run_for(0.1)
    board.pulse(1, 0.01)
    board.run_for(0.1)  # no longer in the trace
    signals = vcd.read(file)
    pulse = signals["board.pins.pulse0"]
    assert [value for _, value in pulse] == [1, 0, 1]
    assert 2.4e9 <= pulse[0][0] < 2.4004e9  # the CPU sleeps until the next tick
    assert [ns for ns, _ in pulse[1:]] == pytest.approx([2.45e9, 2.48e9], abs=20 * CYCLE_NS)
    assert [value for _, value in signals["board.pins.pulse1"]] == [1]
    # Seen at the next tick, then looked at closely until it has been stable for 3 ms; its line lights the LED.
    ticks, looks = (rises(signals[f"board.interrupts.TIMER2_COMP{which}"]) for which in "AB")
    first, last = (min(ns for ns in looks if ns > 2.45e9), max(ns for ns in looks if ns < 2.47e9))
    assert 0 < min(ns for ns in ticks if ns > 2.45e9) - 2.45e9 < 0.4e6
    assert 0 < first - 2.45e9 < 0.8e6
    assert last - first == pytest.approx(3e6, abs=0.41e6)
    assert [ns for ns in rises(signals["board.pins.led"]) if last < ns < last + 5e6]


def test_the_tick_interrupt_comes_every_400_us_and_samples_the_clamps_in_turn(
    board: Board, header: BoardHeader, file: Path
) -> None:
    board.clamp_watts(0, 5000, noise=0)
    board.clamp_watts(1, 0, noise=0)
    board.run_for(1)
    board.measure_anew()
    with board.trace(file):
        board.run_for(0.1)
    signals = vcd.read(file)
    tick = signals["board.interrupts.TIMER2_COMPA"]
    begun = rises(tick)
    assert len(begun) == pytest.approx(header.number("TICK_HZ") / 10, abs=1)
    longest_run, longest_wait = board.longest_interrupts()["TIMER2_COMPA"]
    for before, after in pairwise(begun):
        assert after - before == pytest.approx(400_000, abs=(longest_wait + 5) * CYCLE_NS)
    assert max(end - begin for begin, end in vcd.spans(tick)) == longest_run * CYCLE_NS
    channels = [value for _, value in signals["board.adc.channel"][1:]]
    assert channels == [(channels[0] + i) % 2 for i in range(len(channels))]
    assert len(begun) - len(channels) in (0, 1)  # the first change may have been to the channel that it had
    codes = {
        channel: {vcd.at(signals["board.adc.code"], ns) for ns, on in signals["board.adc.channel"][1:] if on == channel}
        for channel in (0, 1)
    }
    assert codes[1] == {0}
    assert min(codes[0]) > 300
    # Asleep most of the time, and awake in each interrupt.
    awake = signals["board.cpu.awake"]
    assert all(vcd.at(awake, ns) for ns in begun)
    slept = sum(end - begin for begin, end in vcd.spans(awake, 0))
    assert slept / 1e8 == pytest.approx(1 - board.awake_share, abs=0.01)


def test_bytes_of_the_serial_port_are_those_that_were_sent(board: Board, file: Path) -> None:
    board.run_for(1)
    board.take_bytes()
    with board.trace(file):
        board.run_for(1.2)
    signals = vcd.read(file)
    sent = bytes(vcd.at(signals["board.uart.sent"], ns) for ns, _ in signals["board.uart.sends"])
    assert sent == board.take_bytes()
    assert b"pwr " in sent


def test_a_trace_goes_on_through_a_power_cut_and_a_reset(board: Board, file: Path) -> None:
    """Supply, EEPROM writes of 1.8 ms at the save, resets."""
    board.clamp_watts(0, 5000)
    board.run_for(1)
    with board.trace(file):
        board.power_cut(hold_up_s=0.2)
        off = board.time_s
        board.run_for(0.05)
        board.power_on()
        board.run_for(0.05)
        board.restart()
        restarted = board.time_s
        board.run_for(0.1)
    signals = vcd.read(file)
    supply = signals["board.supply.millivolts"]
    assert supply[0][1] == 5000
    down = [(ns, value) for ns, value in supply if value == 0]
    assert len(down) == 1
    assert down[0][0] == pytest.approx(off * 1e9, abs=1e6)
    assert supply[-1][1] == 5000
    assert [ns for ns, _ in signals["board.cpu.reset"]] == pytest.approx([(off + 0.05) * 1e9, restarted * 1e9], abs=1e5)
    writes = [(begin, end) for begin, end in vcd.spans(signals["board.eeprom.busy"]) if end < down[0][0]]
    assert len(writes) > 20
    assert [end - begin for begin, end in writes] == pytest.approx([1.8e6] * len(writes), abs=5 * CYCLE_NS)
    addresses = [vcd.at(signals["board.eeprom.address"], begin) for begin, _ in writes]
    assert addresses == sorted(set(addresses))
    assert not vcd.at(signals["board.cpu.awake"], int(down[0][0] + 1e6))
    ticks = rises(signals["board.interrupts.TIMER2_COMPA"])
    assert not [ns for ns in ticks if down[0][0] < ns < down[0][0] + 50e6]
    assert len([ns for ns in ticks if ns > restarted * 1e9]) > 100


def test_frames_on_spi_are_seen_byte_by_byte(file: Path) -> None:
    with Board("v2_0") as board:
        board.run_for(0.5)
        with board.trace(file):
            assert SpiLink(board).control("gh") == "gh000200"
            board.uart_receive(b"/ISk5")
    signals = vcd.read(file)
    mosi, miso = (
        bytes(vcd.at(signals[f"board.spi.{line}"], ns) for ns, _ in signals["board.spi.transfers"])
        for line in ("mosi", "miso")
    )
    assert mosi.startswith(b"lgh93.\0\0")
    assert b"lgh000200cb.u" in miso
    received = bytes(vcd.at(signals["board.uart.received"], ns) for ns, _ in signals["board.uart.receives"])
    assert received == b"/ISk5"
    assert len(rises(signals["board.interrupts.USART_RX"])) == 5
    assert len(rises(signals["board.interrupts.SPI_STC"])) == len(mosi)
    assert [end - begin for begin, end in pairwise(ns for ns, _ in signals["board.uart.receives"])] == (
        pytest.approx([1e10 / 115200] * 4, rel=0.01)
    )
    assert [value for _, value in signals["board.pins.rs485_drive"]] == [0]


def test_the_example_of_the_page_and_its_signals(tmp_path: Path) -> None:
    """Every group of signals in the table of avr/sim/README.md is in the file, and no other."""
    page = Page("avr/sim/README.md")
    example = page.block_after("### Traces", "python")
    code = "from fluksosim import Board\nboard = Board()\n" + example
    environment = {**os.environ, "PYTHONPATH": str(AVR_FOLDER / "sim")}
    ended = subprocess.run(
        ["python3", "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 0, ended.stderr
    signals = vcd.read(tmp_path / "board.vcd")
    assert vcd.spans(signals["board.pins.pulse0"], 0)
    table = page.text[page.text.index("| signals | show |") : page.text.index("### avrdude")]
    groups = {name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert groups == {name.split(".")[1] for name in signals}


def test_a_second_trace_begins_where_the_signals_stand(make_board: Callable[..., Board], tmp_path: Path) -> None:
    board = make_board()
    for number in range(2):
        board.contact(0, bool(number))
        board.run_for(0.01)
        with board.trace(tmp_path / f"{number}.vcd"):
            board.run_for(0.01)
        assert vcd.read(tmp_path / f"{number}.vcd")["board.pins.pulse0"][0][1] == 1 - number


def test_a_file_that_cannot_be_written_is_told(board: Board, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere/board\.vcd"):
        board.trace(tmp_path / "nowhere" / "board.vcd")
    with pytest.raises(OSError, match="No space left"), board.trace("/dev/full"):
        board.run_for(1)
    board.run_for(0.1)  # goes on
