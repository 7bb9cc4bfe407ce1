"""The tests' cloud in a process of its own, so that what it does takes no time from the daemon or from who measures."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OLD = 3600
"""Seconds after which a measurement is of the backlog."""
LONGEST_LINE = 1 << 28


@dataclass(frozen=True, slots=True)
class Arrived:
    """What came. Old are measurements that were an hour old when they came.

    `old` counts these, `first` is when the first measurement came and `last_old` when the last old one did (monotonic
    s). `repeated` came twice, `backwards` have a smaller counter than an earlier second. `in_order` tells whether the
    old ones of each sensor came oldest first, `newest_first` whether a new one came before all of them.
    """

    old: int
    first: float
    last_old: float
    repeated: int
    backwards: int
    in_order: bool
    newest_first: bool


class Cloud:
    """A running cloud: `url` and the certificate `ca` that it shows."""

    def __init__(self, process: asyncio.subprocess.Process, url: str, ca: Path) -> None:
        self.url = url
        self.ca = ca
        self._process = process

    async def arrived(self) -> Arrived:
        """What came until now."""
        return Arrived(**await self._ask("arrived"))

    async def old(self) -> int:
        """How many old measurements came until now."""
        return int(await self._ask("old"))

    async def stored(self) -> dict[str, list[list[int]]]:
        """All measurements of each sensor, as they came: [unix second, counter]."""
        told: dict[str, list[list[int]]] = await self._ask("stored")
        return told

    async def go_down(self) -> None:
        """Refuse connections from now on, and cut those that are open."""
        await self._ask("down")

    async def come_up(self) -> None:
        """Listen again."""
        await self._ask("up")

    async def _ask(self, what: str) -> Any:
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("it was started without pipes")
        self._process.stdin.write(what.encode() + b"\n")
        return json.loads(await self._process.stdout.readline())


@asynccontextmanager
async def cloud(folder: Path) -> AsyncIterator[Cloud]:
    """Run a cloud until the block ends."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.device.cloud_server", str(folder)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=LONGEST_LINE,
    )
    if process.stdout is None:
        raise RuntimeError("it was started without pipes")
    try:
        yield Cloud(process, json.loads(await process.stdout.readline()), folder / "ca.pem")
    finally:
        process.kill()
        await process.wait()
