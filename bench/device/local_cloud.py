"""Our own cloud as a process beside the daemon: started, killed, and asked what it has kept."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import sqlite3
import sys
import time
from contextlib import closing
from itertools import pairwise
from pathlib import Path

from flukso_cloud.meter import Sample
from flukso_cloud.store import samples
from tests.cloud.kept import measurements
from tests.device.mosquitto import free_port

from .cloud_process import OLD
from .daemon import StuckError, until
from .house import SENSORS


class LocalCloud:
    """Our cloud in `folder`/cloud. `url` is where it is, `ca` what its certificate is verified with."""

    def __init__(self, folder: Path) -> None:
        self._home = folder / "cloud"
        self._log = folder / "cloud.log"
        self._port = free_port()
        self._process: asyncio.subprocess.Process | None = None
        self.url = f"https://127.0.0.1:{self._port}"
        self.ca = self._home / "ca.pem"

    async def start(self) -> None:
        """Start it, and return when it listens. The first time its folder is made."""
        if not self._home.exists():
            init = await self._run("init", "--name", "127.0.0.1", "--account", "bench")
            if await init.wait():
                raise StuckError(self._log.read_text(encoding="utf-8"))
        self._process = await self._run("serve", "--host", "127.0.0.1", "--port", str(self._port))
        await until("our cloud", self._listens)

    async def stop(self) -> None:
        """End it as systemd does."""
        if self._process is not None:
            self._process.terminate()
            await self._process.wait()

    async def kill(self) -> None:
        """End it as a crash does."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()

    def kept(self, end: int) -> Kept:
        """Look into what it has kept of a past that ends at the unix second `end`."""
        return Kept(self._home / "private/cloud.db", end)

    async def _run(self, command: str, *options: str) -> asyncio.subprocess.Process:
        environment = {**os.environ, "FLUKSO_CLOUD_PASSWORD": secrets.token_hex(8)}
        program = Path(sys.executable).with_name("flukso-cloud")
        with self._log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                program, command, "--dir", self._home, *options, env=environment, stdout=log, stderr=log
            )

    async def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0


class Kept:
    """The old measurements in a cloud's database at `path`; the past they are of ends at the unix second `end`."""

    def __init__(self, path: Path, end: int) -> None:
        self._path = path
        self._end = end
        self._before = int(time.time()) - OLD

    async def has_begun(self) -> bool:
        """Whether anything is there."""
        return any(await asyncio.to_thread(self._newest))

    async def is_complete(self) -> bool:
        """Whether the newest old measurement of each sensor is there: it comes last."""
        await asyncio.sleep(0.02)
        newest = await asyncio.to_thread(self._newest)
        return len(newest) == SENSORS and all(sample and sample.time >= self._end - 1 for sample in newest)

    def count(self) -> int:
        """How many old measurements there are."""
        return sum(map(len, self._all()))

    def backwards(self) -> int:
        """How many old measurements have a counter that is not above the one before, as in the past it always is."""
        return sum(later.counter <= earlier.counter for kept in self._all() for earlier, later in pairwise(kept))

    def _newest(self) -> list[Sample | None]:
        with self._database() as database:
            numbers = [number for (number,) in database.execute("SELECT number FROM sensors")]
            return [samples.newest_before(database, number, self._before) for number in numbers]

    def _all(self) -> list[list[Sample]]:
        with self._database() as database:
            ids = [sensor for (sensor,) in database.execute("SELECT id FROM sensors")]
        kept = (measurements(self._path, sensor) for sensor in ids)
        return [[sample for sample in found if sample.time < self._before] for found in kept]

    def _database(self) -> closing[sqlite3.Connection]:
        return closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True))
