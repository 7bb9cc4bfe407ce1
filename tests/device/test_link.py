"""The serial port: a real pseudo-terminal, real noise, pulled and plugged in again."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fluksod.link.lines import CounterLine, Line, PowerLine
from fluksod.link.link_state import PortInUseError
from fluksod.link.uart import UartLink
from tests.device.board import CLAMP, Board, pls, pwr
from tests.device.waiting import until


class Reader:
    """A link to a port and what it has read."""

    def __init__(self, port: Path, silence: float = 10.0) -> None:
        self.lines: list[Line] = []
        self.link = UartLink(str(port), self.lines.append, time.time, silence)


@asynccontextmanager
async def reading(port: Path, silence: float = 10.0) -> AsyncIterator[Reader]:
    """Read `port` until the block ends."""
    reader = Reader(port, silence)
    reader.link.open()
    task = asyncio.create_task(reader.link.run())
    try:
        yield reader
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_reads_lines_between_noise(board: Board) -> None:
    async with reading(board.path) as reader:
        board.send(
            b"\xff\x00half of a line pwr\n", pwr(CLAMP, 1), b"z" * 3000, b"\n", pls(CLAMP, 2, 3), pwr(CLAMP, 4)[:20]
        )
        await until(lambda: len(reader.lines) == 2)
        board.send(pwr(CLAMP, 4)[20:])
        await until(lambda: len(reader.lines) == 3)
        assert reader.lines == [PowerLine(CLAMP, 1), CounterLine(CLAMP, 2, 3), PowerLine(CLAMP, 4)]
        state = reader.link.state
        assert (state.connected, state.rejected_lines, state.error) == (True, 2, None)
        assert state.last_line is not None
        assert abs(state.last_line - time.time()) < 5


async def test_comes_back_within_two_seconds_after_the_cable_was_pulled(
    board: Board, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="fluksod.link.uart"):
        async with reading(board.path) as reader:
            board.send(pwr(CLAMP, 1))
            await until(lambda: reader.link.state.connected)
            board.unplug()
            await until(lambda: not reader.link.state.connected)
            assert "board" in (reader.link.state.error or "")
            assert not reader.link.is_open
            await asyncio.sleep(1.2)  # several attempts to open it
            plugged = time.monotonic()
            board.plug()
            await until(lambda: reader.link.is_open)
            board.send(pwr(CLAMP, 2))
            await until(lambda: len(reader.lines) == 2)
            assert time.monotonic() - plugged < 5  # it tries twice a second
            assert reader.link.state.connected
    said = [record.message for record in caplog.records]
    assert len(said) == 5, f"one line for each change of state, not for each attempt: {said}"
    assert "is gone" in said[2]


async def test_a_silent_board_is_not_connected(board: Board) -> None:
    async with reading(board.path, silence=0.3) as reader:
        board.send(pwr(CLAMP, 1))
        await until(lambda: reader.link.state.connected)
        await until(lambda: not reader.link.state.connected, 3)
        assert "for 0.3 s" in (reader.link.state.error or "")
        assert reader.link.is_open
        board.send(b"only noise\n")
        await until(lambda: reader.link.state.rejected_lines == 1)
        assert not reader.link.state.connected
        board.send(pwr(CLAMP, 2))
        await until(lambda: reader.link.state.connected)


async def test_a_port_that_is_missing_is_waited_for(tmp_path: Path) -> None:
    async with reading(tmp_path / "board") as reader:
        assert "does not exist" in (reader.link.state.error or "")
        board = Board(tmp_path / "board")
        await until(lambda: reader.link.is_open, 2)
        board.send(pwr(CLAMP, 1))
        await until(lambda: reader.lines)
        board.close()


async def test_a_port_that_is_no_serial_port_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "board").write_text("")
    async with reading(tmp_path / "board") as reader:
        assert "cannot be opened" in (reader.link.state.error or "")


async def test_a_port_is_read_by_one_only(board: Board) -> None:
    async with reading(board.path) as first:
        with pytest.raises(PortInUseError, match=rf"in use by .*process {os.getpid()}"):
            UartLink(str(board.path), lambda _line: None, time.time).open()
        board.send(pwr(CLAMP, 1))
        await until(lambda: first.lines)
    async with reading(board.path) as second:
        board.send(pwr(CLAMP, 2))
        await until(lambda: second.lines)


async def test_a_port_taken_while_it_was_away_is_waited_for(board: Board) -> None:
    async with reading(board.path) as reader:
        board.unplug()
        await until(lambda: not reader.link.is_open)
        board.plug()
        async with reading(board.path):
            await until(lambda: "in use by" in (reader.link.state.error or "") or reader.link.is_open)
        await until(lambda: reader.link.is_open, 3)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(noise=st.binary(max_size=2000))
def test_no_bytes_crash_the_link(board: Board, noise: bytes) -> None:
    async def go() -> None:
        async with reading(board.path) as reader:
            for start in range(0, len(noise), 500):
                board.send(noise[start : start + 500])
                await asyncio.sleep(0)
            board.send(b"\n", pwr(CLAMP, 7))
            await until(lambda: reader.lines and reader.lines[-1] == PowerLine(CLAMP, 7))

    asyncio.run(go())


@pytest.mark.parametrize("turns", range(4))
async def test_stops_also_in_the_moment_in_which_the_port_vanishes(board: Board, turns: int) -> None:
    """asyncio.wait_for of Python 3.11 loses a cancellation that meets the end of what it waits for."""
    link = UartLink(str(board.path), lambda _line: None, time.time)
    link.open()
    task = asyncio.create_task(link.run())
    await asyncio.sleep(0.05)
    link._port._gone.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    _, pending = await asyncio.wait([task], timeout=2)
    assert not pending
