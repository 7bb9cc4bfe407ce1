"""The cloud behind `cloud_process`: the tests' cloud, which notes when measurements come.

Run as `python -m bench.device.cloud_server FOLDER`: it writes its certificate to FOLDER/ca.pem and takes commands from
its standard input, a line each; each is answered with a line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import trustme
from aiohttp import web

from tests.device.cloud_stub import CloudStub

from .cloud_process import OLD, Arrived


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
