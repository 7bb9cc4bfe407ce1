"""The board's lines: what is exactly right gets through, everything else is counted and hurts nobody."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluksod.link.lines import MAX_MESSAGE, CounterLine, LineSplitter, MessageLine, PowerLine, parse
from tests.device.board import CLAMP, PULSE, pwr

GOOD = pwr(CLAMP, 2306)
GOOD_LINE = PowerLine(CLAMP, 2306)


def test_lines_of_a_real_board() -> None:
    splitter = LineSplitter()
    seen = splitter.feed(
        b"\npwr 0123456789abcdef0123456789abcde0:0000002306\n"
        b"pls 0123456789abcdef0123456789abcde2:0000000004:0000030903\n"
        b"pls 0123456789abcdef0123456789abcde0:0004521337\nmsg BROWN-OUT\n"
    )
    assert seen == [
        PowerLine(CLAMP, 2306),
        CounterLine(PULSE, 4, 30903),
        CounterLine(CLAMP, 4521337, None),
        MessageLine("BROWN-OUT"),
    ]
    assert splitter.rejected == 0


@pytest.mark.parametrize(
    "bad",
    [
        b"garbage",
        b"\x00\xff\xfe",
        GOOD[:20],  # half a line
        GOOD[20:-1],
        GOOD[:-1] + b"0",  # a digit too many
        GOOD[:-2],  # a digit too few
        GOOD[:-1] + b"\r",
        b" " + GOOD[:-1],
        GOOD[:-1].upper(),
        b"pwr 0123456789ABCDEF0123456789abcde0:0000002306",
        b"pwr 0123456789abcdef0123456789abcdg0:0000002306",
        b"pwr 0123456789abcdef0123456789abcde:00000002306",
        b"pls 0123456789abcdef0123456789abcde0:4294967296",  # beyond 32 bit
        b"pls 0123456789abcdef0123456789abcde0:0000000001:4294967296",
        b"pwr 0123456789abcdef0123456789abcde0:-000000001",
        b"pls 0123456789abcdef0123456789abcde0:00000004.5",
        GOOD[:-1] + GOOD[:-1],  # two lines run together
        b"msg",
        b"msg \x07",
        b"x" * 100_000,
    ],
)
def test_a_bad_line_is_counted_and_the_next_is_right(bad: bytes) -> None:
    splitter = LineSplitter()
    assert splitter.feed(bad + b"\n" + GOOD) == [GOOD_LINE]
    assert splitter.rejected == 1
    assert splitter.last_rejected == bad[:MAX_MESSAGE]


def test_lines_may_come_in_any_pieces() -> None:
    splitter = LineSplitter()
    seen = [line for byte in (GOOD + b"noise\n" + GOOD) for line in splitter.feed(bytes([byte]))]
    assert seen == [GOOD_LINE, GOOD_LINE]
    assert splitter.rejected == 1


def test_an_endless_line_takes_no_memory() -> None:
    splitter = LineSplitter()
    for _ in range(1000):
        assert splitter.feed(b"y" * 1000) == []
    assert len(splitter._rest) <= MAX_MESSAGE
    assert splitter.feed(b"\n" + GOOD) == [GOOD_LINE]
    assert splitter.rejected == 1


def test_a_half_line_is_forgotten_when_the_port_is_opened_anew() -> None:
    splitter = LineSplitter()
    splitter.feed(GOOD[:30])
    splitter.restart()
    assert splitter.feed(GOOD) == [GOOD_LINE]
    assert splitter.rejected == 0


@given(st.lists(st.binary(max_size=300) | st.just(GOOD) | st.just(GOOD[:-1]), max_size=20))
def test_no_bytes_crash_it_and_a_good_line_after_a_newline_is_always_read(pieces: list[bytes]) -> None:
    splitter = LineSplitter()
    for piece in pieces:
        splitter.feed(piece)
    before = splitter.rejected
    assert splitter.feed(b"\n" + GOOD)[-1] == GOOD_LINE
    assert splitter.rejected - before <= 1


@given(st.binary(max_size=80))
def test_only_lines_of_the_right_length_are_lines(raw: bytes) -> None:
    line = parse(raw)
    assert line is None or isinstance(line, MessageLine) or len(raw) in (47, 58)
