"""The v2 frames: vectors of the originals, and anything else refused in words."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluksod.link.board_settings import (
    BoardSensor,
    HardwareVersion,
    clamp_constant,
    disable_commands,
    enable_commands,
    setting_commands,
    wanted_replies,
)
from fluksod.link.spi_frames import (
    FrameError,
    Record,
    Reply,
    bus_frame,
    control_frame,
    crc8,
    parse_records,
    parse_reply,
)

VECTORS = """
gd 30, gh 93, gs 2e, gw 4f, gb ed, gp cc, gk 71, gi cd, ct 96, gc00 c4, se0001 59, sh000202 36, sm00142b eb,
sc00000003e8 8b, zz d7, zy 35
"""
CRCS = {vector.split()[0]: int(vector.split()[1], 16) for vector in VECTORS.split(",")}


@pytest.mark.parametrize(("message", "crc"), CRCS.items())
def test_the_crc_is_the_boards(message: str, crc: int) -> None:
    """Trap 29."""
    assert crc8(message.encode()) == crc


def test_a_frame_ends_with_two_zeros() -> None:
    """Trap 28; the bytes that a FLM02A was heard to take."""
    assert control_frame("gh") == bytes.fromhex("6c676839332e0000")
    assert bus_frame(b"\x01\xff") == b"u01ff\0\0"


def test_replies() -> None:
    assert parse_reply(b"lgh00020195.u") == Reply("gh000201", b"")
    assert parse_reply(b"lu") == Reply(None, b"")
    assert parse_reply(b"lu0aff") == Reply(None, b"\x0a\xff")
    assert parse_reply(b"lgd30.u41") == Reply("gd", b"A")


@pytest.mark.parametrize(
    "heard", [b"", b"l", b"u", b"lgh00020196.u", b"lgh000201.u", b"lgd30.", b"lgd30.u4", b"lgd30.u4G", b"\xff" * 9]
)
def test_what_is_no_frame_is_refused(heard: bytes) -> None:
    with pytest.raises(FrameError):
        parse_reply(heard)


def test_records_of_22_digits() -> None:
    """Trap 27, since 2.4.1: with thousandths."""
    assert parse_records("gd000001e2400000000001cc") == [Record(0, 123456, 0, 460)]
    assert parse_records("gd030000000303e70000000a") == [Record(3, 3, 999, 10)]
    assert parse_records("gd") == []


def test_records_of_18_digits() -> None:
    """Trap 27, before 2.4.1: without thousandths; five of one kind never have the length of the other."""
    assert parse_records("gd000001e240000001cc") == [Record(0, 123456, 0, 460)]
    assert parse_records("gd" + "000001e240000001cc" + "0300000003ffffffff")[1] == Record(3, 3, 0, 2**32 - 1)
    assert not {18 * count for count in range(1, 7)} & {22 * count for count in range(1, 7)}


@pytest.mark.parametrize(
    "reply",
    ["gc00", "gd0", "gd000001e240", "gd060000000103e70000000a", "gd000000000103e80000000a", "gd" + "0" * 44, "zz"],
)
def test_records_that_cannot_be(reply: str) -> None:
    """A sixth sensor, 1000 thousandths, one sensor twice, another command's reply."""
    with pytest.raises(FrameError):
        parse_records(reply)


def test_what_a_board_really_said() -> None:
    records = parse_records("gd" + "00000003e9000000000900" + "0100000001000000000893")
    assert [record.extra for record in records] == [2304, 0x893]


@given(st.binary(max_size=200) | st.from_regex(rb"l(gd[0-9a-f]{0,132}[0-9a-f]{2}\.)?u[0-9a-f]{0,20}", fullmatch=True))
def test_no_bytes_crash_the_codec(heard: bytes) -> None:
    with contextlib.suppress(FrameError):
        reply = parse_reply(heard)
        if reply.control is not None:
            assert len(parse_records(reply.control)) <= 6


@given(st.binary(max_size=30), st.sampled_from(sorted(CRCS)))
def test_a_frame_with_one_wrong_bit_is_refused_or_the_same(data: bytes, message: str) -> None:
    frame = bytearray(control_frame(message)[:-2] + b"u" + data.hex().encode())
    assert parse_reply(bytes(frame)) == Reply(message, data)
    for bit in range(8 * (len(message) + 1)):
        wrong = frame.copy()
        wrong[1 + bit // 8] ^= 1 << bit % 8
        with pytest.raises(FrameError):
            parse_reply(bytes(wrong))


def test_constants_of_clamps() -> None:
    """Section 4.3 of the protocol reference."""
    assert [clamp_constant(230, amperes) for amperes in (50, 100, 250, 500)] == [5163, 10327, 25817, 51635]


def test_the_commands_of_a_set_up_board() -> None:
    sensors = [BoardSensor(0, (1, 2, 3), 5163), BoardSensor(3, (4,), 0, 500)]
    assert disable_commands() == ["se0000", "se0100", "se0200", "se0300", "se0400", "se0500"]
    assert setting_commands(sensors)[:3] == ["sp00000003ffff", "sm00142b", "sf000000"]
    assert "sf0301f4" in setting_commands(sensors)
    assert enable_commands(sensors) == ["se0001", "se0301"]
    wanted = wanted_replies(sensors)
    assert (wanted["gp"], wanted["gm00"], wanted["ge03"], wanted["ge05"]) == (
        *("gp00000003ffff", "gm00142b"),
        *("ge0301", "ge0500"),
    )


def test_which_boards_fit() -> None:
    """Section 4.5: the major version equal, the minor one not above ours."""
    ours = HardwareVersion(2, 1)
    assert [ours.fits(HardwareVersion(*board)) for board in ((2, 0), (2, 1), (2, 2), (3, 0), (1, 1))] == [
        *(True, True, False),
        *(False, False),
    ]
