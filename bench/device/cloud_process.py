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
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import trustme
from aiohttp import web

from tests.device.cloud_stub import CloudStub


@dataclass(frozen=True, slots=True)
class Arrived:
    """What came: how many measurements, from `first` to `last` (monotonic s), and what was wrong with them.

    `repeated` came twice, `backwards` have a smaller counter than an earlier second. `in_order` tells whether each
    sensor's measurements came oldest first, apart from those that were the newest of all when they came.
    `counters` is the last counter of each sensor.
    """

    measurements: int
    first: float
    last: float
    repeated: int
    backwards: int
    in_order: bool
    counters: dict[str, int]


class Cloud:
    """A running cloud: `url` and the certificate `ca` that it shows."""

    def __init__(self, process: asyncio.subprocess.Process, url: str, ca: Path) -> None:
        self.url = url
        self.ca = ca
        self._process = process

    async def arrived(self) -> Arrived:
        """What came until now."""
        return Arrived(**await self._ask("arrived"))

    async def count(self) -> int:
        """How many measurements came until now."""
        return int(await self._ask("count"))

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
        self.arrivals: list[float] = []

    async def note(self, _request: web.Request, members: dict[str, Any]) -> None:
        if members["measurements"]:
            self.arrivals.append(time.monotonic())


def _told(stub: CloudStub, watch: _Watch) -> dict[str, Any]:
    in_order, backwards = True, 0
    for rows in stub.stored.values():
        newest = 0
        backlog: list[int] = []
        for second, _ in rows:
            if second <= newest:
                backlog.append(second)
            newest = max(newest, second)
        in_order &= all(earlier < later for earlier, later in pairwise(backlog))
        backwards += sum(later[1] < earlier[1] for earlier, later in pairwise(sorted(rows)))
    return {
        "measurements": sum(map(len, stub.stored.values())),
        "first": watch.arrivals[0] if watch.arrivals else 0.0,
        "last": watch.arrivals[-1] if watch.arrivals else 0.0,
        "repeated": sum(len(rows) - len({second for second, _ in rows}) for rows in stub.stored.values()),
        "backwards": backwards,
        "in_order": in_order,
        "counters": {sensor: max(rows)[1] for sensor, rows in stub.stored.items() if rows},
    }


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
        answers = {"arrived": lambda: _told(stub, watch), "count": lambda: sum(map(len, stub.stored.values()))}
        _say(answers[command]() if command in answers else None)


def _say(what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
