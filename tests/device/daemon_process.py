"""A real fluksod: its own process, its own configuration, its log read line by line."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

FLUKSOD = str(Path(sys.executable).with_name("fluksod"))


def configuration(
    folder: Path, *, sensors: str = "", cloud: str = "", lan: str = "", mqtt: str = "", state: str = "state"
) -> Path:
    """Write a configuration for `folder`, whose board is plugged in at `folder/board`."""
    path = folder / "fluksod.toml"
    path.write_text(
        f"""
[device]
name = "Cellar"
state = "{state}"
[board]
port = "{folder / "board"}"
[lan]
host = "127.0.0.1"
port = 0
{lan or "mdns = false"}
{cloud}
{mqtt}
{sensors}
""",
        encoding="utf-8",
    )
    return path


def sensor_table(sensor: str, name: str, sensor_type: str) -> str:
    """A `[[sensor]]` of the configuration."""
    return f'[[sensor]]\nid = "{sensor}"\nname = "{name}"\ntype = "{sensor_type}"\n'


class Fluksod:
    """A running fluksod; `url` is where its local API is, `log` what it has said."""

    def __init__(self, process: asyncio.subprocess.Process, session: aiohttp.ClientSession) -> None:
        self.process = process
        self.session = session
        self.url = ""
        self.log: list[str] = []
        self._reading: asyncio.Task[None] | None = None

    async def ready(self) -> None:
        """Wait until it says that it is ready."""
        assert self.process.stderr is not None
        while not self.url:
            line = (await asyncio.wait_for(self.process.stderr.readline(), 10)).decode()
            assert line, f"fluksod ended with {await self.process.wait()}: {self.log}"
            self.log.append(line.rstrip())
            if "fluksod ready: " in line:
                self.url = line.split("fluksod ready: ")[1].strip()
        self._reading = asyncio.create_task(self._read())

    async def get(self, path: str) -> Any:
        """The JSON that the local API has at `path`."""
        async with self.session.get(self.url + path) as response:
            assert response.status == 200
            return await response.json()

    async def sensor(self, sensor: str) -> Any:
        """A sensor as /api/v2/sensors shows it, or None."""
        sensors = (await self.get("/api/v2/sensors"))["sensors"]
        return next((shown for shown in sensors if shown["id"] == sensor), None)

    async def reading(self, sensor: str) -> Any:
        """The sensor's newest reading, or None."""
        shown = await self.sensor(sensor)
        return shown and shown["reading"]

    def said(self, text: str) -> list[str]:
        """The lines of the log that contain `text`."""
        return [line for line in self.log if text in line]

    async def stop(self) -> int:
        """Ask it to end as systemd does, and return its exit status."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        status = await asyncio.wait_for(self.process.wait(), 5)
        if self._reading is not None:
            await self._reading
        return status

    async def _read(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.log.append(line.decode().rstrip())


@asynccontextmanager
async def running(
    config: Path, environment: Mapping[str, str] | None = None, within: Sequence[str] = ()
) -> AsyncIterator[Fluksod]:
    """Run fluksod with this configuration until the block ends.

    `environment` replaces ours; `within` is a command that runs another.
    """
    process = await asyncio.create_subprocess_exec(
        *within, FLUKSOD, "run", "--config", str(config), stderr=asyncio.subprocess.PIPE, env=environment
    )
    async with aiohttp.ClientSession() as session:
        fluksod = Fluksod(process, session)
        try:
            await fluksod.ready()
            yield fluksod
        finally:
            if process.returncode is None:
                await fluksod.stop()


async def run_to_end(*arguments: str) -> tuple[int, str, str]:
    """Run a fluksod command that ends by itself: its exit status, output and errors."""
    process = await asyncio.create_subprocess_exec(
        FLUKSOD, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 10)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()
