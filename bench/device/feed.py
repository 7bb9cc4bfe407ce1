"""Boards that measure: real pseudo-terminals on which a house's lines appear, spread over each second."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from tests.device.board import Board

from .house import House

OnLine = Callable[[bytes, float], None]
"""Hears each line and when its last byte was written (monotonic s)."""


class Feed:
    """The board of `house`, plugged in at `path`; `second` counts its seconds, `period` is how long each takes in s."""

    def __init__(self, house: House, path: Path, period: float = 1.0, second: int = 0) -> None:
        self.house = house
        self.board = Board(path)
        self.second = second
        self.plugged = True
        self._period = period

    async def run(self, on_line: OnLine = lambda _line, _at: None) -> None:
        """Write lines until cancelled."""
        began = time.monotonic()
        for index in range(1 << 40):
            self.second += 1
            lines = self.house.lines(self.second)
            for number, line in enumerate(lines):
                due = began + (index + number / len(lines)) * self._period
                await asyncio.sleep(max(due - time.monotonic(), 0))
                if self.plugged:
                    with contextlib.suppress(BlockingIOError):  # nobody reads, and the wire holds no more
                        self.board.send(line)
                        on_line(line, time.monotonic())

    def unplug(self) -> None:
        """Pull the cable."""
        self.plugged = False
        self.board.unplug()

    def plug(self) -> None:
        """Put it back."""
        self.board.plug()
        self.plugged = True


@asynccontextmanager
async def feeding(feeds: Iterable[Feed], on_line: OnLine = lambda _line, _at: None) -> AsyncIterator[None]:
    """Let the boards measure until the block ends, then unplug them."""
    feeds = list(feeds)
    tasks = [asyncio.create_task(feed.run(on_line)) for feed in feeds]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for feed in feeds:
            feed.board.close()
