"""A real fluksod to be measured: its own process, its own configuration, killed and started again."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.device.daemon_process import FLUKSOD
from tests.device.mosquitto import free_port

POLL = 0.002
"""Seconds between two looks at whether something has happened."""
LONGEST = 30.0
"""Seconds within which anything that is waited for has to happen."""


class StuckError(Exception):
    """What was waited for did not happen; the text says what."""


def configuration(folder: Path, ports: Sequence[Path], *tables: str) -> Path:
    """Write a configuration with a board on each of `ports` and more tables; its local API gets a free port.

    `tables` may hold the table `[lan]` without `host` and `port`, as the first one.
    """
    path = folder / "fluksod.toml"
    lan = tables[0] if tables and tables[0].startswith("mdns") else "mdns = false\n"
    boards = "".join(f'[[board]]\nname = "Board {number}"\nport = "{port}"\n' for number, port in enumerate(ports))
    path.write_text(
        f'[device]\nstate = "state"\n[lan]\nhost = "127.0.0.1"\nport = {free_port()}\n{lan}{boards}'
        + "\n".join(table for table in tables if table != lan),
        encoding="utf-8",
    )
    return path


class Daemon:
    """A fluksod with the configuration `config`, to be started as often as wanted. `log` is where it says things.

    `speed` tells how many times too fast its wall clock runs.
    """

    def __init__(self, config: Path, session: aiohttp.ClientSession, speed: float = 1.0) -> None:
        port = next(line for line in config.read_text(encoding="utf-8").splitlines() if line.startswith("port = "))
        self.url = f"http://127.0.0.1:{port.removeprefix('port = ')}"
        self.log = config.with_name("fluksod.log")
        hurried = (sys.executable, str(Path(__file__).with_name("hurried.py")), str(speed))
        self._command = (*((FLUKSOD,) if speed == 1.0 else hurried), "run", "--config", str(config))
        self._session = session
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process's number."""
        if self._process is None:
            raise StuckError("fluksod was not started")
        return self._process.pid

    async def start(self) -> float:
        """Start it; the seconds until its local API has answered."""
        began = time.monotonic()
        with self.log.open("ab") as log:
            process = self._process = subprocess.Popen(self._command, stderr=log, env=_environment())
        while time.monotonic() - began < LONGEST:
            try:
                await self.get("/api/v2/device")
            except aiohttp.ClientError:
                await asyncio.sleep(POLL)
            else:
                return time.monotonic() - began
            if process.poll() is not None:
                break
        raise StuckError(f"fluksod did not start: {self.log.read_text(encoding='utf-8')[-2000:]}")

    async def stop(self) -> float:
        """End it as systemd does; the seconds that takes."""
        return await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """End it as a crash does."""
        await self._end(signal.SIGKILL)

    async def get(self, path: str) -> Any:
        """The JSON that its local API has at `path`."""
        async with self._session.get(self.url + path) as response:
            response.raise_for_status()
            return await response.json()

    async def reading(self, sensor: str) -> dict[str, Any] | None:
        """The newest reading of a sensor."""
        sensors = (await self.get("/api/v2/sensors"))["sensors"]
        found: dict[str, Any] | None = next((one["reading"] for one in sensors if one["id"] == sensor), None)
        return found

    async def _end(self, number: signal.Signals) -> float:
        process, self._process = self._process, None
        if process is None:
            return 0.0
        began = time.monotonic()
        process.send_signal(number)
        while process.poll() is None:
            if time.monotonic() - began > LONGEST:
                process.kill()
                raise StuckError(f"fluksod did not end within {LONGEST:g} s of {number.name}")
            await asyncio.sleep(POLL)
        return time.monotonic() - began


def _environment() -> dict[str, str]:
    """As a service has it: Python keeps what it has compiled, as it does where fluksod is installed."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@asynccontextmanager
async def running(config: Path, speed: float = 1.0) -> AsyncIterator[Daemon]:
    """Run fluksod until the block ends."""
    async with aiohttp.ClientSession() as session:
        daemon = Daemon(config, session, speed)
        try:
            await daemon.start()
            yield daemon
        finally:
            await daemon.stop()


async def until(what: str, probe: Any, within: float = LONGEST) -> float:
    """Call the coroutine function `probe` until it returns something true; the seconds that took."""
    began = time.monotonic()
    while not await probe():
        if time.monotonic() - began > within:
            raise StuckError(f"waited {within:g} s in vain for {what}")
        await asyncio.sleep(POLL)
    return time.monotonic() - began
