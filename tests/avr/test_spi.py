"""Board v2_0: frames over SPI, to the byte, while clamps and pulse inputs count; RS-485; commits that last."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.avr.size import address_of
from fluksosim.board import Board
from fluksosim.build import build
from fluksosim.spi_link import LinkError, Record, SpiLink, crc8

SETTINGS = (
    *("sp000102030405", "se0001", "se0101", "se0201", "se0301", "se0401"),
    *("sm00142b", "sm01142b", "sm02142b", "sm030001", "sm04000a"),
)
"""Each port its own sensor, 50 A clamps at 230 V, 1 Wh and 10 L a pulse."""


@pytest.fixture
def link() -> Iterator[SpiLink]:
    """The link to a board whose ports and sensors are set, a second after power-up."""
    with Board("v2_0") as board:
        board.run_for(1)
        link = SpiLink(board)
        for message in SETTINGS:
            assert link.control(message) == message
        yield link


def _newest(records: list[Record], counters: dict[int, int]) -> None:
    for record in records:
        assert record.counter >= counters.get(record.sensor, 0)
        counters[record.sensor] = record.counter


def test_the_real_bytes_of_gh(link: SpiLink) -> None:
    """As a FLM02A was heard: trap 28, two zeros after the message and one dummy byte after the reply."""
    assert link.control("sh000201") == "sh000201"
    assert link.board.spi(b"lgh93.\0\0") == b"\0" * 8
    link.board.run_for(0.005)
    assert link.board.spi(b"\0" * 15) == b"lgh00020195.u\0\0"
    assert link.read() == b""
    assert link.read() == b"lu"


def test_gd_has_22_digits_for_each_sensor_with_news(link: SpiLink) -> None:
    """Trap 27, and the form of a FLM02A's reply: clamps with their power, pulse inputs with the clock."""
    link.board.run_for(1)
    link.changes()
    link.board.clamp_watts(0, 2304)
    link.board.clamp_watts(1, 2196)
    link.board.run_for(2.2)
    link.changes()
    link.board.pulse(0)
    link.board.run_for(1)
    records = {record.sensor: record for record in link.changes()}
    assert set(records) == {0, 1, 2, 3}
    assert records[0].extra == pytest.approx(2304, abs=15)
    assert records[1].extra == pytest.approx(2196, abs=15)
    assert records[2].extra == 0
    assert records[3] == Record(3, 1, 0, records[3].extra)
    assert 3000 < records[3].extra < 6000
    assert {record.sensor for record in link.changes()} <= {0, 1}  # only what went on counting


def test_crc_is_dallas_maxims(link: SpiLink) -> None:
    """Trap 29: any other CRC gets `zz`, as does a message that is too long; too short gets `zy`."""
    assert crc8(b"123456789") == 0xA1
    for wrong in ("lgh94.", "lgh07.", "l" + "g" * 200 + "."):
        link.send(wrong)
        link.board.run_for(0.005)
        assert link.read() == b"lzzd7.u"
    for short in ("l.", "lg.", "lgh."):
        link.send(short)
        link.board.run_for(0.005)
        assert link.read() == b"lzy35.u"
    assert link.control("gh") == "gh000200"  # nothing is out of step


@pytest.mark.parametrize(
    ("message", "reply"),
    [("lxx", "xx"), ("sm00", "sm000000"), ("sm0014AB", "sm0014ab"), ("gc06", "gc"), ("gk", "gk010000"), ("gi", "giff")],
)
def test_quirks_of_the_originals(link: SpiLink, message: str, reply: str) -> None:
    assert link.control(message.removeprefix("l")) == reply


def test_nothing_is_lost_after_an_empty_read_or_without_the_wait(link: SpiLink) -> None:
    """Where the originals lose the command or answer with a wrong CRC (trap 28)."""
    assert link.read() == b""
    assert link.control("gh") == "gh000200"
    link.send("lgh93.")
    assert link.read() in (b"lu", b"lgh000200cb.u")
    link.board.run_for(0.005)
    heard = link.read() + link.read()
    assert heard in (b"lgh000200cb.u", b"lu")
    assert link.control("gh") == "gh000200"
    link.board.spi(b"lgh93.\0")  # one zero only, and no dummy byte below
    link.board.run_for(0.005)
    assert link.board.spi(b"\0" * 15) == b"\0lgh000200cb.u\0"
    assert link.control("gh") == "gh000200"


def test_three_phases_in_one_sensor_add_up(link: SpiLink) -> None:
    for message in ("sp000000030405", "se0100", "se0200"):
        link.control(message)
    for clamp, watts in enumerate((1000, 2000, 4000)):
        link.board.clamp_watts(clamp, watts)
    link.board.run_for(2.5)
    before = int(link.control("gc00")[4:], 16)
    start = link.board.time_s
    link.board.run_for(20)
    records = link.changes()
    assert [record.sensor for record in records] == [0]
    assert records[0].extra == pytest.approx(7000, rel=0.005)
    gained = records[0].counter + records[0].milli / 1000 - before
    assert gained == pytest.approx(7000 * (link.board.time_s - start) / 3600, abs=1.5)


def test_polling_every_50_ms_loses_no_pulse_and_no_energy(link: SpiLink) -> None:
    """Both pulse inputs at 25 Hz with bounce, three clamps near the top, bytes on RS-485."""
    board = link.board
    for clamp in range(3):
        board.clamp_watts(clamp, 9000)
    board.run_for(0.5)
    for _ in range(250):
        board.pulse(0, 0.02, 0.02, bounce_s=0.001)
        board.pulse(1, 0.02, 0.02, bounce_s=0.001)
    counters: dict[int, int] = {}
    start, sent = board.time_s, b""
    for poll in range(240):
        if poll % 20 == 0:
            _newest(link.changes(), counters)
            board.uart_receive(data := f"{poll:020}".encode())
            sent += data
        link.poll()
        board.run_until(start + 0.05 * (poll + 1))
    board.run_for(0.2)
    _newest(link.changes(), counters)
    assert (counters[3], counters[4]) == (250, 2500)
    assert counters[0] == pytest.approx(9000 * 12.5 / 3600, abs=1.5)
    assert link.bus == sent


def test_rs485_takes_the_bus_only_while_it_sends(link: SpiLink) -> None:
    drive = 0x10
    port_d = 0x2B
    data = bytes(range(1, 101))  # longer than the board's queue: it goes out while it comes in
    assert not link.board.peek(port_d) & drive
    link.send_bus(data)
    assert link.board.peek(port_d) & drive
    link.board.run_for(0.01)
    assert link.board.take_bytes() == data
    assert not link.board.peek(port_d) & drive
    assert link.read() == b"lu"
    link.board.uart_receive(b"\x00\xff/ISk5")
    link.board.run_for(0.001)  # simavr hands a byte on a little after it has come
    assert link.poll() == b"\x00\xff/ISk5"


def test_what_is_committed_survives_a_cut_at_once(link: SpiLink) -> None:
    """`sc` is an order: the counter may go down. The answer to `ct` means that it is safe."""
    board = link.board
    board.clamp_watts(0, 9000)
    assert link.control("sc0000030d40") == "sc0000030d40"
    assert link.control("ct") == "ct"
    assert link.control("sc00000003e8") == "sc00000003e8"
    assert link.control("sf0401f4") == "sf0401f4"
    assert link.control("ct") == "ct"
    board.power_cut()
    board.power_on()
    board.run_for(0.5)
    assert link.control("gp") == "gp" + SETTINGS[0][2:]
    assert link.control("gf04") == "gf0401f4"
    assert link.control("gm00") == "gm00142b"
    board.clamp_watts(0, 9000)
    counter = int(link.control("gc00")[4:], 16)
    assert 1000 <= counter <= 1000 + 256  # held at what may have been told


def test_a_cut_in_a_commit_leaves_the_old_or_the_new(link: SpiLink) -> None:
    board = link.board
    link.control("sc0300001000")
    assert link.control("ct") == "ct"
    for operation in range(1, 60, 7):
        image = board.eeprom
        link.control("sm037777")
        board.cut_at_operation(board.eeprom_operations + operation)
        link.send("lct96.")
        board.run_for(0.5)
        if board.powered:
            board.cut_at_operation(0)
            board.power_cut()
        board.power_on()
        board.run_for(0.5)
        assert link.control("gm03") in ("gm030001", "gm037777")
        assert link.control("gp") == "gp" + SETTINGS[0][2:]
        assert int(link.control("gc03")[4:], 16) >= 0x1000
        board.power_cut()
        board.load_eeprom(image)
        board.power_on()
        board.run_for(0.5)


def test_counters_survive_a_warned_cut_and_a_restart(link: SpiLink) -> None:
    assert link.control("ct") == "ct"
    board = link.board
    for _ in range(5):
        board.pulse(1)
    board.run_for(1)
    board.restart()
    board.run_for(0.2)
    assert link.control("gc04") == "gc0400000032"
    board.power_cut(hold_up_s=0.3)
    board.power_on()
    board.run_for(0.5)
    assert link.control("gc04") == "gc0400000032"
    assert link.control("gb") == "gb0001"


def test_a_reply_that_nobody_read_is_told_again(link: SpiLink) -> None:
    link.board.pulse(0)
    link.board.run_for(0.3)
    link.send("lgd30.")
    link.board.run_for(0.005)
    assert 3 in {record.sensor for record in link.changes()}


def test_the_link_says_what_is_wrong(link: SpiLink) -> None:
    link.board.power_cut()
    with pytest.raises((LinkError, UnicodeDecodeError)):
        link.control("gh")


def test_the_debounce_time_is_settable_and_lasts(link: SpiLink) -> None:
    """`st` works at once, and after a commit in the next life too; the default of 3 ms lets pulses of 5 ms pass."""
    board = link.board
    assert link.control("gt") == "gt03"

    def counted(low_s: float) -> int:
        before = int(link.control("gc03")[4:], 16)
        for _ in range(4):
            board.pulse(0, low_s, 0.1)
        board.run_for(0.8)
        return int(link.control("gc03")[4:], 16) - before

    assert counted(0.005) == 4
    assert link.control("st28") == "st28"  # 40 ms
    assert counted(0.03) == 0
    assert counted(0.06) == 4
    link.control("ct")
    board.power_cut()
    board.power_on()
    board.run_for(1)
    assert link.control("gt") == "gt28"
    assert counted(0.03) == 0


def test_variables_and_the_deepest_stack_keep_to_the_limit(link: SpiLink) -> None:
    """In a busy life: polling, every command, RS-485 both ways, a commit, a warned cut and a checkpoint."""
    board, paint = link.board, 0xA5
    static = address_of("_end", build("v2_0").firmware_hex.with_suffix(".elf")) - 0x100
    lowest, top = 0x100 + static, 0x4FF - 20  # above the variables, below what is in use now
    for address in range(lowest, top):
        board.poke(address, paint)
    board.clamp_watts(0, 9000)
    for number in range(20):
        board.pulse(0, 0.01, 0.01, 0.001)
        board.pulse(1, 0.01, 0.01, 0.001)
        board.uart_receive(bytes(range(40)))
        link.send_bus(bytes(range(15)))
        link.read()
        link.read()
        link.control(("gd", "gc00", "sp000102030405", "sc0000001000", "sm00142b", "xx", "ct", "gh")[number % 8])
    board.supply_volts(4.6)
    board.run_for(0.3)
    board.supply_volts(5)
    board.run_for(3)
    untouched = next(i for i, address in enumerate(range(lowest, top)) if board.peek(address) != paint)
    assert untouched > 20
    deepest = 0x4FF - (lowest + untouched) + 1
    assert static + deepest <= board.header.number("BOARD_RAM_LIMIT"), (static, deepest)
