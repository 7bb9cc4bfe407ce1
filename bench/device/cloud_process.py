"""The tests' cloud in a process of its own, so that what it does takes no time from the daemon or from who measures.

Run as `python -m bench.device.cloud_process FOLDER`: it writes its certificate to FOLDER/ca.pem and speaks over its
pipes. `Cloud` is the other end.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import trustme
from aiohttp import web

from tests.device.cloud_stub import CloudStub

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
        *(sys.executable, "-m", "bench.device.cloud_process", str(folder)),
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


class _Watch:
    """Notes when measurements come."""

    def __init__(self) -> None:
        self.old = 0
        self.first = self.last_old = 0.0

    async def note(self, _request: web.Request, members: dict[str, Any]) -> None:
        """Look at what was sent."""
        rows, now = members["measurements"], time.time()
        old = sum(second < now - OLD for second, _ in rows)
        self.old += old
        if rows:
            self.first = self.first or time.monotonic()
        if old:
            self.last_old = time.monotonic()


def _told(stub: CloudStub, watch: _Watch) -> Arrived:
    now = time.time()
    in_order = newest_first = True
    backwards = repeated = 0
    for rows in stub.stored.values():
        old = [second for second, _ in rows if second < now - OLD]
        in_order &= all(earlier < later for earlier, later in pairwise(old))
        newest_first &= not old or rows[0][0] >= now - OLD
        backwards += sum(later[1] < earlier[1] for earlier, later in pairwise(sorted(rows)))
        repeated += len(rows) - len({second for second, _ in rows})
    return Arrived(watch.old, watch.first, watch.last_old, repeated, backwards, in_order, newest_first)


async def _serve(folder: Path) -> None:
    stub, watch = CloudStub(trustme.CA()), _Watch()
    stub.answers["sensor"] = watch.note
    stub.authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    await stub.start()
    _say(stub.url)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while command := (await reader.readline()).decode().strip():
        if command == "down":
            await stub.stop()
        elif command == "up":
            await stub.start()
        _say(
            asdict(_told(stub, watch))
            if command == "arrived"
            else {"old": watch.old, "stored": stub.stored}.get(command)
        )


def _say(what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
